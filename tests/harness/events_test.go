package harness_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/tests/harness"
)

var statOptions = s3.StatObjectOptions{}

func itoa(n int) string { return strconv.Itoa(n) }

func TestAPutGivesBothRawMessages(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	raw := collect(t, s)
	key := "bronze/coincap/assets/ingest_date=2026-01-02/a b+c%é.json"
	version := s.Put(t, key, []byte(`{}`), map[string]string{"asset-id": "bitcoin"}).VersionID
	s.Put(t, "gold/elsewhere.json", []byte(`{}`), nil)
	s.Put(t, "silver/t/metadata/v1.metadata.json", []byte(`{}`), nil)
	s.Put(t, "silver/t/data/f.parquet", []byte(`x`), nil)
	harness.Eventually(t, "both targets delivered both objects", func() bool { return raw.total() >= 4 })
	for _, subject := range []string{"lake.raw.fast", "lake.raw.safe"} {
		for key, version := range map[string]string{key: version, "silver/t/metadata/v1.metadata.json": "null"} { // silver keeps no versions
			if raw.versions[subject+" "+key] != version || !raw.seen[subject+" "+key] {
				t.Errorf("%s has no event of %s version %q: %v", subject, key, version, raw.versions)
			}
		}
	}
	for what := range raw.seen {
		if strings.Contains(what, "gold/") || strings.Contains(what, ".parquet") {
			t.Errorf("an event that nobody asked for: %s", what)
		}
	}
}

func TestNoEventIsLostWhenMinIOIsKilledUnderLoad(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	raw := collect(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	acked := make(chan string, 100000)
	done := make(chan struct{})
	client := s.Client()
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprintf("bronze/coincap/assets/ingest_date=2026-01-02/%06d.json", i)
			if _, err := client.PutObject(ctx, s.Bucket(), key, strings.NewReader("{}"), 2, s3.PutObjectOptions{}); err == nil {
				acked <- key
			}
		}
	}()
	for range 2 {
		time.Sleep(500 * time.Millisecond) // under load, at no special moment
		s.KillChild(t, "minio")
	}
	<-done
	close(acked)
	n := 0
	for key := range acked {
		n++
		harness.Eventually(t, "an event of "+key, func() bool { return raw.has(key) })
	}
	if n < 20 {
		t.Errorf("only %d puts were acknowledged: that is no load", n)
	}
	t.Logf("%d acknowledged puts, each with its event", n)
}

func TestBrokenQueueFilesAreQuarantinedAndTheRestArrives(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	s.Stop(t)
	queue := filepath.Join(s.Home, "events", "minio-nats-SAFE")
	for name, text := range map[string]string{"a.event": strings.Repeat("\x00", 4096), "b.event": `{"EventName":"s3:Obj`, "c.event": ""} {
		if err := os.WriteFile(filepath.Join(queue, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Restart(t)
	kept, err := filepath.Glob(filepath.Join(s.Home, "quarantine", "*.event"))
	if err != nil || len(kept) != 3 {
		t.Errorf("in quarantine: %v, %v", kept, err)
	}
	raw := collect(t, s)
	const key = "bronze/coincap/assets/ingest_date=2026-01-02/after.json"
	s.Put(t, key, []byte("{}"), nil)
	harness.Eventually(t, "SAFE delivers again", func() bool { return raw.hasOn("lake.raw.safe", key) })
}

// rawEvents is what arrived in the stream RAW so far.
type rawEvents struct {
	reader   jetstream.Consumer
	t        *testing.T
	seen     map[string]bool   // "subject key"
	versions map[string]string // the same, to the version
}

// collect reads RAW from its beginning.
func collect(t *testing.T, s *harness.Stack) *rawEvents {
	t.Helper()
	reader, err := s.JetStream(t).OrderedConsumer(t.Context(), "RAW", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return &rawEvents{reader: reader, t: t, seen: map[string]bool{}, versions: map[string]string{}}
}

// fetch takes in what is there now.
func (r *rawEvents) fetch() {
	r.t.Helper()
	batch, err := r.reader.FetchNoWait(1000)
	if err != nil {
		r.t.Fatalf("read RAW: %v", err)
	}
	for message := range batch.Messages() {
		var event struct {
			Key     string
			Records []struct {
				S3 struct {
					Object struct {
						Key       string `json:"key"`
						VersionID string `json:"versionId"`
					} `json:"object"`
				} `json:"s3"`
			}
		}
		if err := json.Unmarshal(message.Data(), &event); err != nil || len(event.Records) != 1 {
			r.t.Fatalf("not an event of MinIO's: %s, %v", message.Data(), err)
		}
		object := event.Records[0].S3.Object
		key, err := url.QueryUnescape(object.Key)
		if err != nil {
			r.t.Fatal(err)
		}
		r.seen[message.Subject()+" "+key] = true
		r.versions[message.Subject()+" "+key] = object.VersionID
	}
}

func (r *rawEvents) total() int { r.fetch(); return len(r.seen) }

func (r *rawEvents) hasOn(subject, key string) bool {
	if !r.seen[subject+" "+key] {
		r.fetch()
	}
	return r.seen[subject+" "+key]
}

func (r *rawEvents) has(key string) bool {
	return r.hasOn("lake.raw.fast", key) || r.hasOn("lake.raw.safe", key)
}
