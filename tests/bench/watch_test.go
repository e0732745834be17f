package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

func TestWhatWasTakenBeforeIsNotCounted(t *testing.T) {
	before := Resource{Process: "minio", CPUSeconds: 2, PeakRSSMB: 90, S3: &Traffic{map[string]float64{"putobject": 5, "headbucket": 1}, 10, 3}, Upkeep: map[string]Steps{"files": {2, 1}, "orphans": {1, 1}}}
	after := Resource{Process: "minio", CPUSeconds: 5, PeakRSSMB: 70, S3: &Traffic{map[string]float64{"putobject": 9, "headbucket": 1, "getobject": 2}, 14, 3.5}, Upkeep: map[string]Steps{"files": {5, 1.5}, "orphans": {1, 1}}}
	got := after.since(before)
	if got.CPUSeconds != 3 || got.PeakRSSMB != 70 {
		t.Errorf("%v CPU seconds and a peak of %v MB, want 3 and 70: the peak is reset at the beginning", got.CPUSeconds, got.PeakRSSMB)
	}
	if want := map[string]float64{"putobject": 4, "getobject": 2}; !maps.Equal(got.S3.Requests, want) || got.S3.all() != 6 || got.S3.ReceivedMB != 4 || got.S3.SentMB != .5 {
		t.Errorf("requests are %+v, want %v, 4 MB in, half of one out", *got.S3, want)
	}
	if want := map[string]Steps{"files": {3, .5}}; !maps.Equal(got.Upkeep, want) {
		t.Errorf("upkeep is %v, want %v", got.Upkeep, want)
	}
	if got := after.since(Resource{}); got.CPUSeconds != 5 || got.S3.all() != 12 || got.Upkeep["files"].N != 5 {
		t.Errorf("a process that had not started took %+v", got)
	}
}

func TestMinIOsRequestsAreReadOrMissed(t *testing.T) {
	const some = `# TYPE minio_api_requests_total counter
minio_api_requests_total{name="putobject",server="a",type="s3"} 7
minio_api_requests_total{name="getobject",server="a",type="s3"} 2
`
	const bytes = `# TYPE minio_api_requests_traffic_received_bytes counter
minio_api_requests_traffic_received_bytes{server="a",type="s3"} 3e+06
# TYPE minio_api_requests_traffic_sent_bytes counter
minio_api_requests_traffic_sent_bytes{server="a",type="s3"} 1e+06
`
	answer, asked := "", ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Authorization")
		_, _ = fmt.Fprint(w, answer)
	}))
	defer server.Close()
	client, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &lakehouse{home: t.TempDir(), client: client}
	if err := os.WriteFile(filepath.Join(l.home, "credentials.json"), []byte(`{"minio_root":"secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	answer = some + bytes
	got, err := l.traffic(t.Context())
	if err != nil || got.all() != 9 || got.Requests["putobject"] != 7 || got.ReceivedMB != 3 || got.SentMB != 1 {
		t.Errorf("requests are %+v, %v", got, err)
	}
	if !strings.HasPrefix(asked, "Bearer ") {
		t.Errorf("MinIO was asked with %q", asked)
	}
	for _, broken := range []string{"", some, bytes, "no metrics"} {
		answer = broken
		if got, err := l.traffic(t.Context()); err == nil {
			t.Errorf("%q gives %+v", broken, got)
		}
	}
}
