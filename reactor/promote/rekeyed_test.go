package promote_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
	"millrace/reactor/silver/definition"
	"millrace/reactor/tables"
)

// keyed is a definition of offers under a key.
func keyed(t *testing.T, key string) *silver.Dataset {
	t.Helper()
	d, err := definition.Parse([]byte(`name: test/offers
table: offers
key: [` + key + `]
rows: {at: data}
fields:
  - {column: id, type: text, required: true}
  - {column: observed_at, path: t, type: time, required: true}
  - {column: price, type: "decimal(9,2)"}
  - {column: shop, type: text, required: true, default: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// emptied does what a branch and its publication do to a table whose definition has another key: it begins with no rows.
func (s *silverLake) emptied(d *silver.Dataset) {
	s.t.Helper()
	view, err := s.lake.View(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	of := view.Tables[d.TableName()]
	files, err := s.lake.Files(s.t.Context(), of, of.Snapshot(), lake.AllMonths)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.lake.Commit(s.t.Context(), []lake.Change{{Base: of, Remove: files, Properties: tables.Anew(of.Meta, d)}}, nil); err != nil {
		s.t.Fatal(err)
	}
}

// A rollback across a change of the key is refused. When another engine does it, the reactor begins with no rows and reads the objects
// again: the table is what a lake has that never had the former key, whether two rows become one by the new key or one becomes two, and
// whatever was put and deleted since.
func TestARollbackAcrossAChangeOfTheKeyIsReadAgain(t *testing.T) {
	client := store(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 12))
	for name, keys := range map[string][2]string{"coarser": {"id, shop, observed_at", "id, observed_at"}, "finer": {"id, observed_at", "id, shop, observed_at"}} {
		t.Run(name, func(t *testing.T) {
			s := openSilver(t, client, "of-"+name)
			b := bucket.Bucket{Client: client, Name: "of-" + name}
			former, d := keyed(t, keys[0]), keyed(t, keys[1])
			s.promoter = kindsOf(t, s, former)
			for range 12 {
				s.handle(event.Delivery{Object: putOffers(t, b, random), Attempt: 1})
			}
			view, err := s.lake.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			before := view.Tables[d.TableName()].Snapshot()
			was := s.contents(d.TableName())
			s.emptied(d)
			s.promoter = kindsOf(t, s, d)
			for o, err := range reconcile.Objects(t.Context(), b, "") {
				if err != nil {
					t.Fatal(err)
				}
				s.handle(event.Delivery{Object: o, Run: "anew", Attempt: 1})
			}
			for range 4 {
				s.handle(event.Delivery{Object: putOffers(t, b, random), Attempt: 1})
				if o, ok := removeOne(t, b, random); ok {
					s.handle(event.Delivery{Object: o, Attempt: 1})
				}
			}
			want := s.contents(d.TableName())
			if view, err = s.lake.View(t.Context()); err != nil {
				t.Fatal(err)
			}
			now := view.Tables[d.TableName()]
			if err := promote.Rollback(t.Context(), s.lake, now, before); err == nil || !strings.Contains(err.Error(), "has had another key since snapshot") {
				t.Errorf("a rollback across a change of the key: %v", err)
			}
			if err := s.lake.Rollback(t.Context(), now, before, nil, nil); err != nil { // another engine's
				t.Fatal(err)
			}
			if got := s.contents(d.TableName()); got != was {
				t.Errorf("rolled back, the table has\n%s\nwant\n%s", got, was)
			}
			if err := s.promoter.RemoveAgain(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.handleAll(s.unread(b, random), random)
			if got := s.contents(d.TableName()); got != want {
				t.Errorf("after the rollback the table has\n%s\nwant\n%s", got, want)
			}
			s.asFresh(d, b, fmt.Sprint("fresh-", name), "after the rollback")
		})
	}
}
