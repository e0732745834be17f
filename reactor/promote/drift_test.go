package promote_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/promote"
)

// watched is a lake whose promoter is asked for its log and its metrics.
type watched struct {
	*silverLake
	log      *bytes.Buffer
	registry *prometheus.Registry
}

// start makes a promoter as a new process does.
func (w *watched) start() {
	w.t.Helper()
	w.log, w.registry = &bytes.Buffer{}, prometheus.NewRegistry()
	w.cfg.Log, w.cfg.Metrics = slog.New(slog.NewTextHandler(w.log, nil)), promote.NewMetrics(w.registry)
	w.promoter = w.anew()
	if err := w.promoter.Prepare(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// stands is what the table says.
func (w *watched) stands() string {
	w.t.Helper()
	view, err := w.lake.View(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var texts []string
	for _, f := range promote.DriftOf(view.Tables[assets().TableName()]) {
		texts = append(texts, f.String()+" since "+f.Key)
	}
	return strings.Join(texts, "; ")
}

// metrics compares how many fields are gone, how many names are unknown, and how many objects lack a field.
func (w *watched) metrics(gone, unknown, objects float64) {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	const table = " silver.asset_snapshots"
	for name, want := range map[string]float64{
		"millrace_drifting_fields" + table + " gone": gone, "millrace_drifting_fields" + table + " nulls": 0, "millrace_drifting_fields" + table + " refused": 0,
		"millrace_unknown_fields" + table: unknown, "millrace_drifted_objects_total" + table + " gone": objects,
	} {
		if is, ok := got[name]; !ok || is != want {
			w.t.Errorf("%s is %v (%v), want %v", name, is, ok, want)
		}
	}
}

// snapshotOf is a response of 20 assets whose price has a name.
func snapshotOf(day int, price string) string {
	var list []string
	for i := range 20 {
		list = append(list, fmt.Sprintf(`{"id":"coin-%d","rank":"%d","symbol":"C","name":"Coin","supply":"1","maxSupply":null,"marketCapUsd":"%d","volumeUsd24Hr":"1",%q:"%d.5","changePercent24Hr":"1","vwap24Hr":"1"}`, i, i+1, 100-i, price, day))
	}
	return fmt.Sprintf(`{"timestamp":%d,"data":[%s]}`, 1772323200000+int64(day)*86400000, strings.Join(list, ","))
}

// A field that is renamed in a whole response makes a column null, and nothing else: the log, the metrics and the table say so, until
// it is back, and a new process knows it. Not a row is another one for it.
func TestARenamedFieldIsTold(t *testing.T) {
	client := store(t)
	open := func(name string) (*watched, bucket.Bucket) {
		w := &watched{silverLake: openSilver(t, client, name)}
		w.start()
		return w, bucket.Bucket{Client: client, Name: name}
	}
	w, b := open("drift")
	const folder = "bronze/coincap/assets/ingest_date=2026-03-01/"
	var all []event.Delivery
	for day, price := range []string{"priceUsd", "priceUsd", "priceUSD", "priceUSD", "priceUsd"} {
		all = append(all, event.Delivery{Object: putBody(t, b, fmt.Sprintf("%s%d.json", folder, day), snapshotOf(day, price)), Attempt: 1})
	}
	w.handle(all[0], all[1])
	w.metrics(0, 0, 0)
	w.handle(all[2])
	const finding = "priceUsd is gone, priceUSD is new"
	if got := w.stands(); got != finding+" since "+folder+"2.json" {
		t.Errorf("the table says %q", got)
	}
	for _, want := range []string{"level=WARN", `what="` + finding + `"`, "dataset=coincap/assets", "key=\"" + folder + "2.json\"", "fields=priceUSD"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, w.log)
		}
	}
	w.metrics(1, 1, 1)

	w.start() // of a new process
	w.metrics(1, 1, 0)
	w.handle(all[3])
	if got := w.stands(); got != finding+" since "+folder+"2.json" || strings.Contains(w.log.String(), "WARN") {
		t.Errorf("after a start the table says %q, and the log\n%s", got, w.log)
	}
	w.metrics(1, 1, 1)
	w.handle(all[4])
	if got := w.stands(); got != "" || !strings.Contains(w.log.String(), "do not differ any more") {
		t.Errorf("when it is back the table says %q, and the log\n%s", got, w.log)
	}
	w.metrics(0, 1, 1)

	// A replay brings old objects, and is no news.
	again := all[2]
	again.Run = "20260301T000000Z-a1"
	w.handle(again)
	if got := w.stands(); got != "" {
		t.Errorf("after a replay the table says %q", got)
	}

	other, _ := open("drift-other")
	for i := range all {
		d := all[len(all)-1-i]
		other.handle(d)
	}
	if got, want := w.contents(assets().TableName()), other.contents(assets().TableName()); got != want {
		t.Errorf("the order shows in the rows:\n%s\n%s", got, want)
	}
}

// What the last objects looked like a new process has from the table's rows, though nothing stood.
func TestAStartKnowsTheLastObjects(t *testing.T) {
	client := store(t)
	w := &watched{silverLake: openSilver(t, client, "seeded")}
	w.start()
	b := bucket.Bucket{Client: client, Name: "seeded"}
	const folder = "bronze/coincap/assets/ingest_date=2026-03-01/"
	w.handle(event.Delivery{Object: putBody(t, b, folder+"0.json", snapshotOf(0, "priceUsd")), Attempt: 1})
	w.start()
	lines := strings.ReplaceAll(strings.Trim(strings.SplitN(snapshotOf(1, "price"), `"data":`, 2)[1], "[]}")+"}", `},{"id"`, "}\n{\"id\"")
	lines = strings.ReplaceAll(lines, `{"id"`, `{"timestamp":1772409600000,"id"`)
	w.handle(event.Delivery{Object: putBody(t, b, folder+"1.ndjson", lines), Attempt: 1})
	if got := w.stands(); got != "priceUsd is gone, price is new since "+folder+"1.ndjson" {
		t.Errorf("the table says %q\n%s", got, w.log)
	}
}

// What stood because of an object ends when the object is deleted, and not with the next one that comes.
func TestADeletedObjectTakesItsDriftAlong(t *testing.T) {
	client := store(t)
	const name = "drift-deleted"
	w := &watched{silverLake: openSilver(t, client, name)}
	w.start()
	b := bucket.Bucket{Client: client, Name: name}
	const folder = "bronze/coincap/assets/ingest_date=2026-03-01/"
	var all []event.Delivery
	for day, price := range []string{"priceUsd", "priceUsd", "priceUSD"} {
		all = append(all, event.Delivery{Object: putBody(t, b, fmt.Sprintf("%s%d.json", folder, day), snapshotOf(day, price)), Attempt: 1})
	}
	w.handle(all...)
	if got := w.stands(); got != "priceUsd is gone, priceUSD is new since "+folder+"2.json" {
		t.Fatalf("the table says %q", got)
	}
	again := all[1]
	again.Run = "20260301T000000Z-a1"
	w.promoter = w.anew() // as for a branch, which asks nobody what stands
	w.handle(again)
	if got := w.stands(); got == "" {
		t.Error("a replay onto a branch takes away what stands")
	}
	w.start() // of a new process
	gone := all[2].Object
	if err := client.RemoveObject(t.Context(), name, gone.Key, s3.RemoveObjectOptions{VersionID: gone.Version}); err != nil {
		t.Fatal(err)
	}
	w.handle(event.Delivery{Object: event.Object{Bucket: name, Key: gone.Key, Version: gone.Version, ModifiedAt: gone.ModifiedAt, Removed: true}, Attempt: 1})
	if got := w.stands(); got != "" || !strings.Contains(w.log.String(), "do not differ any more") {
		t.Errorf("after the deletion the table says %q, and the log\n%s", got, w.log)
	}
	w.metrics(0, 0, 0)
}
