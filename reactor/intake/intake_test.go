package intake

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"millrace/reactor/event"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/silver/silvertest"
)

// store serves the same bytes for each object.
func store(t *testing.T, body string) *minio.Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
		http.ServeContent(w, r, "", time.Unix(1, 0), strings.NewReader(body))
	}))
	t.Cleanup(server.Close)
	client, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4("key", "secret", ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// seen is a sink that looks into the journal while an object is decoded.
type seen struct {
	look    func() int
	entries int
	rows    int64
}

func (s *seen) Rows(b arrow.RecordBatch) error {
	s.entries, s.rows = s.look(), s.rows+b.NumRows()
	return nil
}
func (s *seen) Rejected(arrow.RecordBatch) error { return nil }

// What may end the process is in the journal while it is decoded: Parquet, large objects, and anything that comes again. A
// small JSON object costs nothing.
func TestWhatIsInTheJournal(t *testing.T) {
	row := `{"id":"a","priceUsd":"1","timestamp":1795420799000}` + "\n"
	for _, c := range []struct {
		name, file, body string
		again            bool
		want             int
	}{
		{"a small object", "x.ndjson", row, false, 0},
		{"a small object that comes again", "x.ndjson", row, true, 1},
		{"a large object", "x.ndjson", strings.Repeat(row, 1+wholeObject/len(row)), false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := openJournal(t)
			in := &Intake{Client: store(t, c.body), Dataset: datasets.Get("coincap/assets"), Journal: j, Again: c.again, Credits: make([]int, 1), Shapes: make([]silver.Shape, 1)}
			s := &seen{look: func() int { return entries(t, j) }}
			o := event.Object{Bucket: "lakehouse", Key: silvertest.Source(datasets.Get("coincap/assets"), c.file).Key, Version: "v1", ModifiedAt: silvertest.ModifiedAt, Size: int64(len(c.body))}
			if err := in.decode(context.Background(), 0, o, s); err != nil || s.rows == 0 {
				t.Fatalf("%d rows, %v", s.rows, err)
			}
			if s.entries != c.want {
				t.Errorf("%d entries while it is decoded, want %d", s.entries, c.want)
			}
			if n := entries(t, j); n != 0 {
				t.Errorf("%d entries stay", n)
			}
		})
	}
	t.Run("Parquet", func(t *testing.T) {
		j := openJournal(t)
		in := &Intake{Client: store(t, "PAR1 and nothing"), Dataset: datasets.Get("coincap/assets"), Journal: j, Credits: make([]int, 1), Shapes: make([]silver.Shape, 1)}
		o := suspect
		for range suspectDeaths {
			die(j, o, nil)
		}
		in.Journal.Try = func(context.Context, *silver.Dataset, silver.Source, silver.Payload) error {
			return &killed{"panic: once more"}
		}
		err := in.decode(context.Background(), 0, o, &seen{})
		if err == nil || !strings.Contains(err.Error(), "panic: once more") {
			t.Errorf("%v, want a dead letter that says how it died", err)
		}
	})
}
