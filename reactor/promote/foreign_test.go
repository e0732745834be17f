package promote_test

import (
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/rows"
)

// The test does what Spark's `alter table lakehouse.silver.asset_snapshots add column note string` does. Every event of the
// dataset was retried for ever after it, because the merge asked the incoming rows for that column.
func TestAColumnOfAnotherEngineOnSilverStays(t *testing.T) {
	client := store(t)
	const name = "lakehouse"
	s := openSilver(t, client, name)
	b := bucket.Bucket{Client: client, Name: name}
	bring := func(key, text string) {
		t.Helper()
		key = "bronze/coincap/assets/ingest_date=2026-06-01/" + key
		if _, err := client.PutObject(t.Context(), name, key, strings.NewReader(text), int64(len(text)), s3.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		o, err := progress.Newest(t.Context(), b, key)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range s.promoter.Handle(t.Context(), []event.Delivery{{Object: o, Attempt: 1}}) {
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
	}
	bring("1.json", `{"timestamp":1780300800000,"data":[{"id":"bitcoin","priceUsd":"1"},{"id":"ethereum","priceUsd":"2"}]}`)
	s.addNote()
	bring("2.json", `{"timestamp":1780300800000,"data":[{"id":"bitcoin","priceUsd":"3"}]}`)   // rewrites the file of both
	bring("3.json", `{"timestamp":1780387200000,"data":[{"id":"bitcoin","priceUsd":"4"}]}`)   // is appended
	bring("4.json", `{"timestamp":1780473600000,"data":[{"id":"bitcoin"},{"priceUsd":"x"}]}`) // a refused row
	got := s.query("select asset_id || ' ' || price_usd::double || ' ' || coalesce(note, 'null') from found order by 1")
	const want = "bitcoin 3.0 null,bitcoin 4.0 null,ethereum 2.0 mine"
	if got = strings.ReplaceAll(got, "\n", ","); !strings.HasPrefix(got, want) {
		t.Errorf("silver has %s, want %s", got, want)
	}
}

// addNote gives the table a column with a value in each row, as another engine would.
func (s *silverLake) addNote() {
	s.t.Helper()
	t := s.table()
	schema := t.Meta.CurrentSchema()
	wider := iceberg.NewSchema(len(t.Meta.Schemas()), append(schema.Fields(), iceberg.NestedField{ID: t.Meta.LastColumnID() + 1, Name: "note", Type: iceberg.PrimitiveTypes.String})...)
	arrow, err := table.SchemaToArrowSchema(wider, nil, true, false)
	if err != nil {
		s.t.Fatal(err)
	}
	files, err := s.lake.Files(s.t.Context(), t, t.Snapshot(), lake.AllMonths)
	if err != nil {
		s.t.Fatal(err)
	}
	held, err := s.cache.Hold(s.t.Context(), s.conn, t, files)
	if err != nil {
		s.t.Fatal(err)
	}
	defer held.Release()
	change := lake.Change{Base: t, Evolve: wider, Remove: files, Schema: arrow, Rows: rows.Select(s.t.Context(), s.conn, "select * exclude (_file), 'mine' as note from ("+held.Relation+")", arrow)}
	if _, err := s.lake.Commit(s.t.Context(), []lake.Change{change}, nil); err != nil {
		s.t.Fatal(err)
	}
}

func (s *silverLake) table() *lake.Table {
	s.t.Helper()
	view, err := s.lake.View(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return view.Tables[assets().TableName()]
}
