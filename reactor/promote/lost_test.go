package promote_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/tables"
)

// alter does what Spark's ALTER TABLE does to a column: it is renamed, or dropped where the new name is empty.
func (s *silverLake) alter(table, column, renamed string) {
	s.t.Helper()
	view, err := s.lake.View(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	t := view.Tables[table]
	fields := t.Meta.CurrentSchema().Fields()
	i := slices.IndexFunc(fields, func(f iceberg.NestedField) bool { return f.Name == column })
	fields = slices.Clone(fields)
	if fields[i].Name = renamed; renamed == "" {
		fields = slices.Delete(fields, i, i+1)
	}
	change := lake.Change{Base: t, Evolve: iceberg.NewSchema(len(t.Meta.Schemas()), fields...)}
	if _, err := s.lake.Commit(s.t.Context(), []lake.Change{change}, nil); err != nil {
		s.t.Fatal(err)
	}
}

// says is what readiness says of silver's columns.
func (s *silverLake) says() string {
	s.t.Helper()
	view, err := s.lake.View(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := promote.LostColumns(s.t.Context(), s.lake, view); err != nil {
		return err.Error()
	}
	return ""
}

// A column of ours that another engine drops or renames stalled its dataset, and a start added it again without a word. Now it is
// added at once, the rows that lost its values are named with the command that mends them, and that command mends them.
func TestALostColumnIsNamedUntilAReplay(t *testing.T) {
	client := store(t)
	for name, c := range map[string]struct{ renamed, next string }{
		"dropped, then an object":  {"", "object"},
		"renamed, then an object":  {"px", "object"},
		"dropped, then a start":    {"", "start"},
		"renamed, then gold hears": {"px", "event"},
	} {
		t.Run(name, func(t *testing.T) {
			b := bucket.Bucket{Client: client, Name: strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", "")}
			s := openSilver(t, client, b.Name)
			var all []event.Delivery
			bring := func(n int) {
				t.Helper()
				o := putBody(t, b, fmt.Sprintf("bronze/coincap/assets/ingest_date=2026-03-01/%d.json", n), fmt.Sprintf(`{"timestamp":%d,"data":[{"id":"bitcoin","priceUsd":"%d"}]}`, 1772323200000+n*86400000, n))
				all = append(all, event.Delivery{Object: o, Attempt: 1})
				for _, err := range s.promoter.Handle(t.Context(), all[len(all)-1:]) {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			bring(1)
			if said := s.says(); said != "" {
				t.Fatalf("before: %s", said)
			}
			s.alter(assets().TableName(), "price_usd", c.renamed)
			if said := s.says(); !strings.Contains(said, "silver.asset_snapshots lacks price_usd") || !strings.Contains(said, "`reactor replay --dataset coincap/assets`") {
				t.Errorf("at first: %q", said)
			}
			switch c.next {
			case "start":
				s.promoter = s.anew()
				if err := s.promoter.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
			case "event":
				if err := s.promoter.RemoveAgain(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			bring(2)
			const prices = "select coalesce(round(price_usd, 0)::int::varchar, 'null') from found order by observed_at"
			if got := s.query(prices); got != "null\n2" {
				t.Errorf("the prices are %q", got)
			}
			if said := s.says(); !strings.Contains(said, "silver.asset_snapshots has lost the values of price_usd") || !strings.Contains(said, "`reactor replay --dataset coincap/assets`") {
				t.Errorf("when it is there again: %q", said)
			}
			for i := range all {
				all[i].Run = "20260301T000000Z-a1"
			}
			s.handle(all...)
			if got := s.query(prices); got != "1\n2" {
				t.Errorf("after a replay the prices are %q", got)
			}
			if said := s.says(); said != "" {
				t.Errorf("after a replay: %s", said)
			}
		})
	}
}

// Without its key no row can be told from another one, so such a column is not added: the message says what to do.
func TestALostKeyIsNamedAndNotInvented(t *testing.T) {
	client := store(t)
	b := bucket.Bucket{Client: client, Name: "lost-key"}
	s := openSilver(t, client, b.Name)
	bring := func(n int) error {
		t.Helper()
		o := putBody(t, b, fmt.Sprintf("bronze/coincap/assets/ingest_date=2026-03-01/%d.json", n), `{"timestamp":1772323200000,"data":[{"id":"bitcoin","priceUsd":"1"}]}`)
		return s.promoter.Handle(t.Context(), []event.Delivery{{Object: o, Attempt: 1}})[0]
	}
	if err := bring(1); err != nil {
		t.Fatal(err)
	}
	s.alter(assets().TableName(), "asset_id", "coin")
	err := bring(2)
	for _, said := range []string{fmt.Sprint(err), s.says()} {
		if !strings.Contains(said, "silver.asset_snapshots lacks asset_id") || !strings.Contains(said, "rename it back") {
			t.Errorf("it says %q", said)
		}
	}
	s.alter(assets().TableName(), "coin", "asset_id")
	if err := bring(3); err != nil || s.says() != "" {
		t.Errorf("renamed back: %v, %s", err, s.says())
	}
}

// The refused rows of all datasets are in one table.
func TestALostColumnOfRefusedRowsIsNamed(t *testing.T) {
	client := store(t)
	b := bucket.Bucket{Client: client, Name: "lost-rejected"}
	s := openSilver(t, client, b.Name)
	o := putBody(t, b, "bronze/coincap/assets/ingest_date=2026-03-01/1.json", `{"timestamp":1772323200000,"data":[{"id":"bitcoin","priceUsd":"-1"}]}`)
	s.handle(event.Delivery{Object: o, Attempt: 1})
	s.alter(tables.Rejected, "field", "")
	if err := s.promoter.RemoveAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said := s.says(); !strings.Contains(said, "silver.rejected") || !strings.Contains(said, "`reactor replay`") {
		t.Errorf("it says %q", said)
	}
}
