package service_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	s3 "github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/streams"
	"millrace/reactor/announce"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/proof"
	"millrace/reactor/reconcile"
	"millrace/reactor/retract"
	"millrace/reactor/service"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
	"millrace/tests/harness"
	"millrace/tests/harness/buffer"
	"millrace/tests/harness/coin"
)

// house is a store and a broker, and a reactor in the test's own process.
type house struct {
	*testing.T
	home   string
	client *s3.Client
	bucket bucket.Bucket
	js     jetstream.JetStream

	lake   *lake.Lake
	models *gold.Set
	log    *buffer.Locked
	addr   string
	stop   func()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	broker := harness.Broker(t)
	nc, err := broker.Connect(nats.UserOwner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	h := &house{T: t, home: t.TempDir()}
	if h.js, err = stream.Client(nc, 0); err != nil {
		t.Fatal(err)
	}
	if err := streams.Ensure(t.Context(), h.js); err != nil {
		t.Fatal(err)
	}
	if h.client, err = harness.Store(t, broker).Client(); err != nil {
		t.Fatal(err)
	}
	h.bucket = bucket.Bucket{Client: h.client, Name: "lakehouse"}
	if err := minio.EnsureBucket(t.Context(), h.client, h.bucket.Name); err != nil {
		t.Fatal(err)
	}
	if err := minio.SetRules(t.Context(), h.client, h.bucket.Name); err != nil {
		t.Fatal(err)
	}
	return h
}

// openLake opens the lake and the models.
func (h *house) openLake() (err error) {
	ctx := context.Background()
	if h.lake, err = lake.Open(ctx, h.client, h.bucket.Name, "sqlite://"+h.home+"/catalog.db"); err != nil {
		return err
	}
	l := h.lake
	h.Cleanup(func() { _ = l.Close() })
	inputs, err := tables.Inputs()
	if err == nil {
		h.models, err = gold.Load(ctx, inputs, "")
	}
	return err
}

// open makes a reactor, which fails when it refuses to start.
func (h *house) open() error {
	ctx := context.Background()
	if err := h.openLake(); err != nil {
		return err
	}
	h.log = &buffer.Locked{}
	s, err := service.New(ctx, service.Config{
		Lake: h.lake, Bucket: h.bucket, JS: h.js, Models: h.models, Home: h.home, HTTPAddr: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	if err != nil {
		return err
	}
	h.addr = s.Addr().String()
	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(running); err != nil {
			h.Error(err)
		}
	})
	h.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		s.Close()
	})
	h.Cleanup(h.stop)
	return nil
}

func (h *house) start() {
	h.Helper()
	if err := h.open(); err != nil {
		h.Fatal(err)
	}
}

func (h *house) put(key string, body []byte) (version string) {
	h.Helper()
	info, err := h.client.PutObject(context.Background(), h.bucket.Name, key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{})
	if err != nil {
		h.Fatal(err)
	}
	return info.VersionID
}

func (h *house) wait(key string) {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	o, err := progress.Newest(ctx, h.bucket, key)
	if err == nil {
		_, err = progress.Await(ctx, h.lake, o)
	}
	if err != nil {
		h.Fatalf("wait for %s: %v\n%s", key, err, h.log)
	}
}

func (h *house) remove(key, version string) {
	h.Helper()
	if err := h.client.RemoveObject(context.Background(), h.bucket.Name, key, s3.RemoveObjectOptions{VersionID: version}); err != nil {
		h.Fatal(err)
	}
}

// rows is the number of rows of a table's current snapshot.
func (h *house) rows(table string) string {
	h.Helper()
	view, err := h.lake.View(context.Background())
	if err != nil {
		h.Fatal(err)
	}
	s := view.Tables[table].Snapshot()
	if s == nil {
		return "0"
	}
	return s.Summary.Properties["total-records"]
}

func (h *house) eventually(what string, ok func() bool) {
	h.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.Fatalf("still not: %s\n%s", what, h.log)
		}
	}
}

func (h *house) ready() (code int, text string) {
	h.Helper()
	return h.get("/readyz")
}

// get asks the reactor's HTTP surface.
func (h *house) get(path string) (code int, text string) {
	h.Helper()
	response, err := http.Get("http://" + h.addr + path)
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (h *house) letters() []stream.DeadLetter {
	h.Helper()
	letters, err := stream.DeadLettersOf(context.Background(), h.js, "")
	if err != nil {
		h.Fatal(err)
	}
	return letters
}

func (h *house) retract(key, version string) []retract.Retracted {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := retract.Retraction{Lake: h.lake, Bucket: h.bucket, To: announce.To(h.js)}
	all, err := r.Delete(ctx, key, version)
	if err == nil {
		err = r.Await(ctx, all)
	}
	if err != nil {
		h.Fatalf("retract %s: %v\n%s", key, err, h.log)
	}
	return all
}

func TestADeletedVersionTakesItsRowsAlong(t *testing.T) {
	h := newHouse(t)
	h.start()
	at := coin.Day(time.June, 1)
	older, newer, refused := coin.AssetsKey("older.json"), coin.AssetsKey("newer.json"), coin.AssetsKey("refused.json")
	h.put(older, coin.Assets(at, coin.Asset("bitcoin", "1", "10"), coin.Asset("ethereum", "1", "10")))
	h.wait(older)
	first := h.put(newer, coin.Assets(at, coin.Asset("bitcoin", "2", "20"), coin.Asset("solana", "2", "20")))
	bad := h.put(refused, coin.Assets(at, `{"id":"broken","priceUsd":"-1"}`))
	h.wait(newer)
	h.wait(refused)
	now := func() string {
		return fmt.Sprint(h.rows("silver.asset_snapshots"), h.rows("silver.rejected"), h.rows("gold.daily_summary"))
	}
	h.eventually("all is there", func() bool { return now() == "313" })
	h.remove(newer, "") // a delete marker takes nothing away
	h.remove(newer, first)
	h.remove(refused, bad)
	h.eventually("the rows are gone", func() bool { return now() == "202" })
	if code, text := h.ready(); code != http.StatusOK || !strings.Contains(text, `"name":"progress","ready":true`) {
		t.Errorf("readiness: %d %s", code, text)
	}
	// Nobody hears of it: the reconciler alone can tell.
	h.stop()
	last := h.retractable(older)
	h.remove(older, last)
	for _, name := range []string{streams.Raw, streams.Events} {
		s, err := h.js.Stream(t.Context(), name)
		if err == nil {
			err = s.Purge(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	h.eventually("the reconciler noticed", func() bool { return now() == "000" })
	if letters := h.letters(); len(letters) != 0 {
		t.Errorf("dead letters: %+v", letters)
	}
}

// retractable is the only version of a key.
func (h *house) retractable(key string) (version string) {
	h.Helper()
	for o := range h.client.ListObjectsIter(context.Background(), h.bucket.Name, s3.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		version = o.VersionID
	}
	return version
}

func TestRetractTakesAllVersionsBack(t *testing.T) {
	h := newHouse(t)
	h.start()
	key := coin.AssetsKey("x.json")
	for _, price := range []string{"1", "2"} {
		h.put(key, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", price, "10")))
		h.wait(key)
	}
	if all := h.retract(key, ""); len(all) != 2 || all[0].Outcome != lake.OutcomeDone || all[0].Table != "asset_snapshots" {
		t.Errorf("retracted: %+v", all)
	}
	if h.rows("silver.asset_snapshots") != "0" || h.rows("gold.rankings") != "0" {
		t.Error("rows are left")
	}
	// Of an object that no dataset takes.
	h.put("bronze/coincap/unheard/x.json", []byte("{}"))
	h.eventually("it has a letter", func() bool { return len(h.letters()) == 1 })
	h.retract("bronze/coincap/unheard/x.json", "")
	h.eventually("its letter is gone", func() bool { return len(h.letters()) == 0 })
}

func TestAnObjectThatHidesOthersIsAlarmed(t *testing.T) {
	h := newHouse(t)
	h.start()
	key, cover := coin.HistoryKey("bitcoin_d1_x.json"), "bronze/coincap/history"
	h.put(key, coin.Points(coin.Point(coin.Day(time.June, 1), "5")))
	h.wait(key)
	h.put(cover, []byte("{}"))
	alarmed := func() bool {
		code, text := h.ready()
		return code == http.StatusServiceUnavailable && strings.Contains(text, cover+" hides 1 objects") && strings.Contains(text, key) && strings.Contains(text, "reactor retract "+cover)
	}
	h.eventually("readiness says what is hidden and what mends it", alarmed)
	h.eventually("a dead letter says so", func() bool {
		letters := h.letters()
		return len(letters) == 1 && strings.Contains(letters[0].Reason, "reactor retract "+cover)
	})
	h.stop()
	h.start()
	h.eventually("a new reactor finds out by itself", alarmed)
	if n := h.rows("silver.asset_prices"); n != "1" {
		t.Errorf("silver has %s rows: what is hidden is there", n)
	}
	h.retract(cover, "")
	h.eventually("all is well again", func() bool {
		code, _ := h.ready()
		return code == http.StatusOK && len(h.letters()) == 0
	})
}

// A rebuild would leave out what bronze hides or lacks, and a check would prove that right.
func TestNoTableIsMadeAnewFromABronzeThatLacksWhatItWasMadeOf(t *testing.T) {
	h := newHouse(t)
	h.start()
	key, cover := coin.HistoryKey("bitcoin_d1_x.json"), "bronze/coincap/history"
	h.put(key, coin.Points(coin.Point(coin.Day(time.June, 1), "5")))
	h.wait(key)
	h.stop()
	id := h.put(cover, []byte("{}"))
	for _, file := range []string{"catalog.db", "catalog.db-wal", "catalog.db-shm"} {
		_ = os.Remove(filepath.Join(h.home, file)) // the last two may not be there
	}
	if err := h.open(); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "reactor retract "+cover) {
		t.Fatalf("made anew without what is hidden: %v", err)
	}
	h.remove(cover, id)
	h.start()
	h.wait(key)
	if n := h.rows("silver.asset_prices"); n != "1" {
		t.Errorf("silver has %s rows, want 1", n)
	}
}

// Another engine deletes rows: a check names them, the snapshot and who made it, and what mends it.
func TestACheckNamesWhatAnotherEngineDid(t *testing.T) {
	h := newHouse(t)
	h.start()
	key := coin.AssetsKey("x.json")
	h.put(key, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "2", "10"), coin.Asset("ethereum", "1", "5")))
	h.wait(key)
	h.stop()
	if err := h.openLake(); err != nil {
		t.Fatal(err)
	}
	view, err := h.lake.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rankings := view.Tables["gold.rankings"]
	files, err := h.lake.Files(t.Context(), rankings, rankings.Snapshot(), lake.AllMonths)
	if err != nil {
		t.Fatal(err)
	}
	next, err := h.lake.Commit(t.Context(), []lake.Change{{Base: rankings, Remove: files, Summary: iceberg.Properties{"engine-name": "spark"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if view, err = h.lake.View(t.Context()); err != nil {
		t.Fatal(err)
	}
	var report proof.Report
	err = duck.Temporary("256MiB", func(db *duck.DB) (err error) {
		var listed []event.Object
		for o, err := range reconcile.Objects(t.Context(), h.bucket, "") {
			if err != nil {
				return err
			}
			listed = append(listed, o)
		}
		check := &proof.Check{Lake: h.lake, Bucket: h.bucket, Models: h.models, DB: db, Progress: func(int) {}}
		report, err = check.Run(t.Context(), view, listed, time.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range report.Verdicts {
		if v.Table != "gold.rankings" {
			if !v.Equal() || v.Mends != "" || len(v.Causes) > 0 || len(v.Wrong) > 0 {
				t.Errorf("%+v", v)
			}
			continue
		}
		if v.Missing != 2 || len(v.Wrong) != 2 || v.Wrong[0].String() != "missing: bitcoin 2025-06-01" {
			t.Errorf("the rows that are gone: %+v", v)
		}
		if v.Foreign == nil || v.Foreign.Snapshot != next[0].SnapshotID() || !strings.Contains(v.Foreign.By, "engine-name=spark") {
			t.Errorf("who did it: %+v", v.Foreign)
		}
		if len(v.Causes) != 1 || !strings.Contains(v.Causes[0], fmt.Sprint("another engine changed it: snapshot ", next[0].SnapshotID())) {
			t.Errorf("the causes are %q", v.Causes)
		}
		if v.Mends != proof.Repair {
			t.Errorf("what mends it is %q, want %q", v.Mends, proof.Repair)
		}
	}
}
