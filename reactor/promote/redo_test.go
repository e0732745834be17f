package promote_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
	"millrace/reactor/silver/definition"
	"millrace/reactor/tables"
)

// offers is a definition that differs from others in what rows depend on. Its columns are always the same.
func offers(t *testing.T, random *rand.Rand) *silver.Dataset {
	t.Helper()
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	text := fmt.Sprintf(`name: test/offers
table: offers
key: [id, observed_at]
winner: %s
partition: %s
rows: {at: %s}
fields:
  - {column: id, type: text, required: true}
  - {column: observed_at, path: t, type: time, required: true}
  - {column: price, path: %s, type: "decimal(9,2)", required: %s%s}
  - {column: revision, type: long}
  - {column: shop, type: text%s}
`, one("latest", "earliest", "greatest(revision)", "least(price)", "greatest(shop)"),
		one("month", "month", "day", "year", "hour", "none", "identity(id)", "bucket(3, shop)"),
		one("data", "data", "data", "other"), one("price", "cost"), one("true", "false"), one("", "", ", max: 500"), one("", ", default: none", ", values: [a, b]"))
	d, err := definition.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// putOffers puts an object whose rows share few keys with other objects'.
func putOffers(t *testing.T, b bucket.Bucket, random *rand.Rand) event.Object {
	t.Helper()
	list := func() string {
		var rows []string
		for _, id := range []string{"x", "y", "z"} {
			for range random.IntN(3) {
				at := time.Date(2026, time.Month(2+random.IntN(2)), 1+random.IntN(2), random.IntN(2), 0, 0, 0, time.UTC)
				row := fmt.Sprintf(`{"id":%q,"t":%d,"price":%d,"cost":%d`, id, at.UnixMilli(), random.IntN(1000)-20, random.IntN(600))
				if random.IntN(3) > 0 {
					row += fmt.Sprintf(`,"revision":%d`, random.IntN(4))
				}
				if random.IntN(3) > 0 {
					row += fmt.Sprintf(`,"shop":%q`, []string{"a", "b", "c"}[random.IntN(3)])
				}
				rows = append(rows, row+"}")
			}
		}
		return strings.Join(rows, ",")
	}
	body := fmt.Sprintf(`{"data":[%s]}`, list())
	if random.IntN(3) == 0 {
		body = fmt.Sprintf(`{"data":[%s],"other":[%s]}`, list(), list())
	}
	return putBody(t, b, fmt.Sprintf("bronze/test/offers/ingest_date=2026-03-01/%d.json", random.IntN(8)), body)
}

// unread are the objects that the reconciler would bring: those that the ledger does not know, or that an earlier definition read.
func (s *silverLake) unread(b bucket.Bucket, random *rand.Rand) (batch []event.Delivery) {
	s.t.Helper()
	for o, err := range reconcile.Unknown(s.t.Context(), reconcile.Objects(s.t.Context(), b, ""), s.lake) {
		if err != nil {
			s.t.Fatal(err)
		}
		batch = append(batch, event.Delivery{Object: o, Run: "again", Attempt: 1})
	}
	random.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	return batch
}

// Silver is a function of the objects and of the definition: whatever definitions there were before, in whatever order and batches
// objects came, were deleted and are read again, and whichever rule says who wins, the tables are those that a lake has which knew no
// other definition.
func TestSilverIsAFunctionOfTheDefinition(t *testing.T) {
	client := store(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 11))
	s := openSilver(t, client, "lakehouse")
	b := bucket.Bucket{Client: client, Name: "lakehouse"}
	var queue []event.Delivery
	for round := range 24 {
		d := offers(t, random)
		s.promoter = kindsOf(t, s, d)
		for range 1 + random.IntN(6) {
			if random.IntN(4) > 0 {
				queue = append(queue, event.Delivery{Object: putOffers(t, b, random), Attempt: 1})
			} else if o, ok := removeOne(t, b, random); ok {
				queue = append(queue, event.Delivery{Object: o, Attempt: 1})
			}
		}
		queue = append(queue, s.unread(b, random)...)
		queue = append(queue, queue[:random.IntN(len(queue)+1)]...) // copies
		random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		n := random.IntN(len(queue) + 1) // the rest comes after the next change of the definition
		if round%4 == 3 {
			n = len(queue)
		}
		for n > 0 {
			k := 1 + random.IntN(n)
			s.handle(queue[:k]...)
			queue, n = queue[k:], n-k
		}
		if round%4 != 3 {
			continue
		}
		s.handleAll(s.unread(b, random), random)
		if left := s.unread(b, random); len(left) > 0 {
			t.Fatalf("round %d: %d objects are still to be read, such as %s", round, len(left), left[0].Object.Key)
		}
		s.asFresh(d, b, fmt.Sprint("fresh", round), fmt.Sprintf("round %d, winner %s, partition %s", round, d.Winner, d.Partition))
	}
}

// asFresh fails unless the tables are those of a lake that reads all of bronze by d and knew no definition before. That lake's own bucket
// has the name; when says what came before.
func (s *silverLake) asFresh(d *silver.Dataset, b bucket.Bucket, name, when string) {
	s.t.Helper()
	fresh := openSilver(s.t, b.Client, name)
	fresh.promoter = kindsOf(s.t, fresh, d)
	for o, err := range reconcile.Objects(s.t.Context(), b, "") {
		if err != nil {
			s.t.Fatal(err)
		}
		fresh.handle(event.Delivery{Object: o, Attempt: 1})
	}
	for _, table := range []string{d.TableName(), tables.Rejected} {
		if got, want := s.contents(table), fresh.contents(table); got != want {
			s.t.Fatalf("%s: %s has\n%s\nand a lake that knew no other definition has\n%s", when, table, got, want)
		}
	}
}

// handleAll works on deliveries in batches of random sizes.
func (s *silverLake) handleAll(queue []event.Delivery, random *rand.Rand) {
	s.t.Helper()
	for len(queue) > 0 {
		k := 1 + random.IntN(len(queue))
		s.handle(queue[:k]...)
		queue = queue[k:]
	}
}

// An object that is read again writes nothing where its rows are the same, and a reactor with other files than the one that was started
// last changes nothing.
func TestAnotherDefinitionIsFollowedOnce(t *testing.T) {
	client := store(t)
	s := openSilver(t, client, "lakehouse")
	b := bucket.Bucket{Client: client, Name: "lakehouse"}
	random := rand.New(rand.NewPCG(1, 1))
	former := kinds(t, s, everyType)
	s.promoter = former
	first := putBody(t, b, "bronze/test/kinds/ingest_date=2026-03-01/a.json", `[{"id":"a","t":1772323200,"i":7},{"id":"b","t":1772323200,"i":900}]`)
	s.handle(event.Delivery{Object: first, Attempt: 1})
	snapshot := func() int64 {
		t.Helper()
		view, err := s.lake.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return view.Tables["silver.kinds"].SnapshotID()
	}
	before := snapshot()
	s.promoter = kinds(t, s, everyType+"# a comment changes nothing\n")
	if left := s.unread(b, random); len(left) > 0 {
		t.Errorf("the same definition has %d objects read again", len(left))
	}
	s.promoter = kinds(t, s, strings.Replace(everyType, "{column: i, type: integer}", "{column: i, type: integer, max: 1000}", 1))
	if text, err := s.promoter.Rereads(t.Context()); err != nil || text != "silver.kinds: its definition has changed: 1 objects that the former one read are left to be read again" {
		t.Errorf("%q, %v", text, err)
	}
	s.handle(s.unread(b, random)...)
	if text, err := s.promoter.Rereads(t.Context()); err != nil || text != "" || snapshot() != before {
		t.Errorf("%q, %v; snapshot %d, before %d", text, err, snapshot(), before)
	}
	s.promoter = kinds(t, s, strings.Replace(everyType, "{column: i, type: integer}", "{column: i, type: integer, max: 100}", 1))
	second := putBody(t, b, "bronze/test/kinds/ingest_date=2026-03-01/b.json", `[{"id":"c","t":1772323200,"i":500}]`)
	for _, err := range former.Handle(t.Context(), []event.Delivery{{Object: second, Attempt: 1}}) {
		if err == nil || !strings.Contains(err.Error(), "silver.kinds has another definition of test/kinds than this reactor") {
			t.Errorf("a reactor with former files: %v", err)
		}
	}
	s.handle(append(s.unread(b, random), event.Delivery{Object: second, Attempt: 1})...)
	if got := s.ask("silver.kinds", "select string_agg(id, ',') from found"); got != "a" {
		t.Errorf("the table has %s", got)
	}

	// A rollback to the rows of a former definition has the objects read again.
	view, err := s.lake.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := promote.Rollback(t.Context(), s.lake, view.Tables["silver.kinds"], view.Tables["silver.kinds"].Meta.SnapshotByID(before)); err != nil {
		t.Fatal(err)
	}
	if got := s.ask("silver.kinds", "select string_agg(id, ',' order by id) from found"); got != "a,b" {
		t.Errorf("rolled back, the table has %s", got)
	}
	if err := s.promoter.RemoveAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.handle(s.unread(b, random)...)
	if got := s.ask("silver.kinds", "select string_agg(id, ',') from found"); got != "a" {
		t.Errorf("after the rollback the table has %s", got)
	}

	// Rows under another key are another table.
	other, err := definition.Parse([]byte(strings.NewReplacer("key: [id, observed_at]", "key: [id, day, observed_at]", "{column: day, type: date}", "{column: day, type: date, required: true}").Replace(everyType)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := promote.NewSilver(s.cfg, other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	was := snapshot()
	if err := p.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "have the key id, observed_at, and the definition says day, id, observed_at") ||
		!strings.Contains(err.Error(), "reactor replay --dataset test/kinds --anew --branch new-key") || snapshot() != was {
		t.Errorf("another key: %v", err)
	}
}
