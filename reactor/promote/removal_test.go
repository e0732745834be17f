package promote_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"
	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/infra/minio"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
	"millrace/tests/harness"
)

// store starts a MinIO of the test's own.
func store(t testing.TB) *s3.Client {
	t.Helper()
	client, err := harness.Store(t, nil).Client()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// silverLake runs a lake with the promoter of one dataset.
type silverLake struct {
	t        *testing.T
	lake     *lake.Lake
	promoter *promote.Silver
	conn     *duck.Conn
	cache    *rows.Cache
	cfg      promote.Config
}

func openSilver(t *testing.T, client *s3.Client, name string) *silverLake {
	t.Helper()
	if err := minio.EnsureBucket(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	l, err := lake.Open(t.Context(), client, name, "sqlite://"+t.TempDir()+"/catalog.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	db, err := duck.Open(duck.Config{MemoryLimit: "256MiB", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	conn, err := db.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	cache := rows.New(l)
	s := &silverLake{t: t, lake: l, conn: conn, cache: cache, cfg: promote.Config{Lake: l, Client: client, DB: db, Cache: cache}}
	s.promoter = s.anew()
	if err := s.promoter.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// anew makes another promoter of the same lake, as a start does.
func (s *silverLake) anew() *promote.Silver {
	s.t.Helper()
	p, err := promote.NewSilver(s.cfg, assets())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.Close)
	return p
}

func assets() *silver.Dataset {
	all := datasets.All()
	return all[slices.IndexFunc(all, func(d *silver.Dataset) bool { return d.Name == "coincap/assets" })]
}

func (s *silverLake) handle(batch ...event.Delivery) {
	s.t.Helper()
	for i, err := range s.promoter.Handle(s.t.Context(), batch) {
		if action, _ := event.Outcome(err, 1); action == event.Retry {
			s.t.Fatalf("%+v: %v", batch[i].Object, err)
		}
	}
}

// contents returns all rows of a table as text, with lineage.
func (s *silverLake) contents(table string) string {
	s.t.Helper()
	return s.ask(table, "select coalesce(string_agg(r::varchar, chr(10) order by r::varchar), '') from found r")
}

// query runs SQL over the dataset's table, which it calls found, and returns the first column, one row a line.
func (s *silverLake) query(sql string) string {
	s.t.Helper()
	return s.ask(assets().TableName(), "select coalesce(string_agg(text, chr(10)), '') from ("+strings.Replace(sql, "select ", "select text: ", 1)+")")
}

// ask runs SQL over a table, which it calls found, and returns the one text of the answer.
func (s *silverLake) ask(table, sql string) string {
	s.t.Helper()
	view, err := s.lake.View(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	files, err := s.lake.Files(s.t.Context(), view.Tables[table], view.Tables[table].Snapshot(), lake.AllMonths)
	if err != nil {
		s.t.Fatal(err)
	}
	held, err := s.cache.Hold(s.t.Context(), s.conn, view.Tables[table], files)
	if err != nil {
		s.t.Fatal(err)
	}
	defer held.Release()
	r, err := s.conn.Query(s.t.Context(), "with found as (select * exclude (_file) from ("+held.Relation+")) "+sql)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	if !r.Next() {
		s.t.Fatal("no answer")
	}
	return strings.Clone(r.RecordBatch().Column(0).(*array.String).Value(0))
}

// Rows of deleted versions go, and rows that had lost to them come back. Order, copies and batches of the events do not matter, nor
// does a rollback before a replay:
// silver equals a silver made from the versions that are left.
func TestSilverIsAFunctionOfTheVersionsThatAreLeft(t *testing.T) {
	client := store(t)
	const bronze, other = "lakehouse", "fresh"
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 7))
	s := openSilver(t, client, bronze)
	b := bucket.Bucket{Client: client, Name: bronze}
	var queue []event.Delivery
	for round := range 12 {
		for range 1 + random.IntN(12) {
			if random.IntN(5) < 3 {
				queue = append(queue, event.Delivery{Object: put(t, b, random), Attempt: 1})
			} else if o, ok := removeOne(t, b, random); ok {
				queue = append(queue, event.Delivery{Object: o, Attempt: 1})
			}
		}
		back := random.IntN(2) == 0 && s.rollBack(random)
		if back || random.IntN(3) == 0 { // a replay of all
			for o, err := range reconcile.Objects(t.Context(), b, "") {
				if err != nil {
					t.Fatal(err)
				}
				queue = append(queue, event.Delivery{Object: o, Run: fmt.Sprint("run ", round), Attempt: 1})
			}
		}
		queue = append(queue, queue[:random.IntN(len(queue)+1)]...) // copies
		random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		n := random.IntN(len(queue) + 1)
		if round%4 == 3 {
			n = len(queue)
		}
		for len(queue) > 0 && n > 0 {
			k := 1 + random.IntN(n)
			s.handle(queue[:k]...)
			queue, n = queue[k:], n-k
		}
		if round%4 != 3 {
			continue
		}
		fresh := openSilver(t, client, fmt.Sprint(other, round))
		for o, err := range reconcile.Objects(t.Context(), b, "") {
			if err != nil {
				t.Fatal(err)
			}
			fresh.handle(event.Delivery{Object: o, Attempt: 1})
		}
		for _, table := range []string{assets().TableName(), tables.Rejected} {
			if got, want := s.contents(table), fresh.contents(table); got != want {
				t.Fatalf("round %d: %s has\n%s\nand the versions that are left give\n%s", round, table, got, want)
			}
		}
	}
}

// rollBack makes some snapshot of a table the current one; ok is false where there is none.
func (s *silverLake) rollBack(random *rand.Rand) (ok bool) {
	s.t.Helper()
	view, err := s.lake.View(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{assets().TableName(), tables.Rejected} {
		of := view.Tables[name]
		if kept := of.Meta.Snapshots(); len(kept) > 0 && random.IntN(2) == 0 {
			ok = true
			if err := promote.Rollback(s.t.Context(), s.lake, of, &kept[random.IntN(len(kept))]); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return ok
}

// A rollback to before a removal shows the rows of the deleted version for a moment only: the step after it takes them out and
// brings back what had lost to them, whether an object comes, gold hears of the rollback, or the reactor starts.
func TestARollbackDoesNotBringDeletedVersionsBack(t *testing.T) {
	client := store(t)
	for step, next := range map[string]func(*silverLake, bucket.Bucket){
		"an object comes": func(s *silverLake, b bucket.Bucket) {
			s.handle(event.Delivery{Object: putBody(t, b, "bronze/coincap/assets/ingest_date=2026-03-01/z.json", `{"timestamp":1772323200000,"data":[]}`), Attempt: 1})
		},
		"gold hears of it": func(s *silverLake, _ bucket.Bucket) {
			if err := s.promoter.RemoveAgain(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"the reactor starts": func(s *silverLake, _ bucket.Bucket) {
			if err := s.anew().Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"upkeep commits, then an object comes": func(s *silverLake, b bucket.Bucket) {
			view, err := s.lake.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.lake.Commit(t.Context(), []lake.Change{{Base: view.Tables[assets().TableName()], MergeManifests: true}}, nil); err != nil {
				t.Fatal(err)
			}
			s.handle(event.Delivery{Object: putBody(t, b, "bronze/coincap/assets/ingest_date=2026-03-01/z.json", `{"timestamp":1772323200000,"data":[]}`), Attempt: 1})
		},
	} {
		t.Run(step, func(t *testing.T) {
			b := bucket.Bucket{Client: client, Name: strings.ReplaceAll(strings.ReplaceAll(step, " ", "-"), ",", "")}
			s := openSilver(t, client, b.Name)
			const asset = `{"timestamp":1772323200000,"data":[{"id":"bitcoin","priceUsd":"%d"}%s]}`
			first := putBody(t, b, "bronze/coincap/assets/ingest_date=2026-03-01/a.json", fmt.Sprintf(asset, 1, ""))
			s.handle(event.Delivery{Object: first, Attempt: 1})
			second := putBody(t, b, "bronze/coincap/assets/ingest_date=2026-03-01/b.json", fmt.Sprintf(asset, 2, `,{"id":"mistake","priceUsd":"7"},{"id":"broken","priceUsd":"-1"}`))
			s.handle(event.Delivery{Object: second, Attempt: 1})
			view, err := s.lake.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			before := map[string]*table.Snapshot{assets().TableName(): view.Tables[assets().TableName()].Snapshot(), tables.Rejected: view.Tables[tables.Rejected].Snapshot()}
			if err := client.RemoveObject(t.Context(), b.Name, second.Key, s3.RemoveObjectOptions{VersionID: second.Version}); err != nil {
				t.Fatal(err)
			}
			second.Removed = true
			s.handle(event.Delivery{Object: second, Attempt: 1})
			const prices = "select asset_id || ' ' || round(price_usd, 0)::int from found order by 1"
			if got := s.query(prices); got != "bitcoin 1" {
				t.Fatalf("after the removal: %s", got)
			}
			for name, to := range before {
				if view, err = s.lake.View(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := promote.Rollback(t.Context(), s.lake, view.Tables[name], to); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.query(prices); got != "bitcoin 2\nmistake 7" {
				t.Fatalf("the rollback shows %s", got)
			}
			next(s, b)
			if got := s.query(prices); got != "bitcoin 1" {
				t.Errorf("after the next step: %s", got)
			}
			if got := s.contents(tables.Rejected); got != "" {
				t.Errorf("refused rows of the deleted version are back: %s", got)
			}
			if view, err = s.lake.View(t.Context()); err != nil {
				t.Fatal(err)
			}
			if undone, err := s.lake.Undone(t.Context(), view.Tables[assets().TableName()]); err != nil || len(undone) > 0 {
				t.Errorf("undone still: %+v, %v", undone, err)
			}
		})
	}
}

// put puts an object whose rows share few keys with other objects'. It often makes a new version of an existing object.
func put(t *testing.T, b bucket.Bucket, random *rand.Rand) event.Object {
	t.Helper()
	var list []string
	for _, id := range []string{"bitcoin", "ethereum", "solana"} {
		if random.IntN(3) > 0 {
			list = append(list, fmt.Sprintf(`{"id":%q,"priceUsd":"%d"}`, id, 1+random.IntN(1000)))
		}
	}
	if random.IntN(4) == 0 {
		list = append(list, `{"id":"broken","priceUsd":"-1"}`)
	}
	at := time.Date(2026, time.Month(3+random.IntN(2)), 1+random.IntN(2), 0, 0, 0, 0, time.UTC)
	body := fmt.Sprintf(`{"timestamp":%d,"data":[%s]}`, at.UnixMilli(), strings.Join(list, ","))
	if random.IntN(10) == 0 {
		body = "<html>"
	}
	return putBody(t, b, fmt.Sprintf("bronze/coincap/assets/ingest_date=2026-03-01/%d.json", random.IntN(8)), body)
}

// putBody puts an object and returns it as a listing has it.
func putBody(t *testing.T, b bucket.Bucket, key, body string) event.Object {
	t.Helper()
	info, err := b.Client.PutObject(t.Context(), b.Name, key, strings.NewReader(body), int64(len(body)), s3.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for o, err := range reconcile.Objects(t.Context(), b, key) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Key == key && o.Version == info.VersionID {
			return o
		}
	}
	t.Fatalf("%s is not listed", key)
	return event.Object{}
}

// removeOne deletes a random version; ok is false when there is none.
func removeOne(t *testing.T, b bucket.Bucket, random *rand.Rand) (event.Object, bool) {
	t.Helper()
	var all []event.Object
	for o, err := range reconcile.Objects(t.Context(), b, "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		return event.Object{}, false
	}
	o := all[random.IntN(len(all))]
	if err := b.Client.RemoveObject(context.Background(), b.Name, o.Key, s3.RemoveObjectOptions{VersionID: o.Version}); err != nil {
		t.Fatal(err)
	}
	return event.Object{Bucket: b.Name, Key: o.Key, Version: o.Version, ModifiedAt: time.Now().UTC().Truncate(time.Millisecond), Removed: true}, true
}
