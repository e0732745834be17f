package event

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var arrived = time.Date(2026, 1, 31, 12, 30, 15, 123456789, time.UTC)

func objects(t *rapid.T) Object {
	return Object{
		Bucket:     rapid.StringMatching(`[a-z]{3,8}`).Draw(t, "bucket"),
		Key:        rapid.StringN(1, 40, -1).Draw(t, "key"),
		Version:    rapid.SampledFrom([]string{NoVersion, "v1", "v2"}).Draw(t, "version"),
		ModifiedAt: time.UnixMilli(rapid.Int64Range(1, 4e12).Draw(t, "ms")).UTC(),
		ETag:       rapid.StringMatching(`[0-9a-f]{4}`).Draw(t, "etag"),
		Size:       rapid.Int64Range(0, 1e12).Draw(t, "size"),
	}
}

func TestAnEventRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := objects(t)
		back, err := Unmarshal(o.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if back != o || back.ID() != o.ID() {
			t.Fatalf("%+v came back as %+v", o, back)
		}
	})
}

func TestIdentityIsThatOfTheListing(t *testing.T) {
	announced := Object{Bucket: "b", Key: "k", Version: "v", ModifiedAt: arrived.Truncate(time.Millisecond), ETag: "e", Size: 3}
	listed := announced
	listed.Size = 4 // both a listing and an event have the size, but it is not part of the identity
	if announced.ID() != listed.ID() {
		t.Error("size changed the identity")
	}
	for name, change := range map[string]func(*Object){
		"bucket": func(o *Object) { o.Bucket += "x" }, "key": func(o *Object) { o.Key += "x" },
		"version": func(o *Object) { o.Version += "x" }, "etag": func(o *Object) { o.ETag += "x" },
		"time": func(o *Object) { o.ModifiedAt = o.ModifiedAt.Add(time.Millisecond) },
	} {
		other := announced
		change(&other)
		if other.ID() == announced.ID() {
			t.Errorf("another %s, the same identity", name)
		}
	}
	if (Object{Bucket: "ab", Key: "c"}).ID() == (Object{Bucket: "a", Key: "bc"}).ID() {
		t.Error("the border between bucket and key makes no difference")
	}
}

func minioMessage(event, key, sequencer, version string) string {
	return fmt.Sprintf(`{"EventName":%q,"Key":"ignored","Records":[{"eventName":%q,"s3":{"bucket":{"name":"lakehouse"},
		"object":{"key":%q,"size":5,"eTag":"abc","versionId":%q,"sequencer":%q}}}]}`, event, event, key, version, sequencer)
}

// 18EA83F678903683 is 2026-11-23T00:08:16.068…Z, 9 ms before MinIO's eventTime
const sequencer = "18EA83F678903683"

func TestParseMinIO(t *testing.T) {
	want := Object{Bucket: "lakehouse", Key: "bronze/a b+c%20é=1.json", Version: NoVersion, ETag: "abc", Size: 5,
		ModifiedAt: time.Date(2026, 11, 23, 0, 8, 16, 68e6, time.UTC)}
	got, err := MinIO.Parse([]byte(minioMessage("s3:ObjectCreated:Put", "bronze%2Fa+b%2Bc%2520%C3%A9%3D1.json", sequencer, "")))
	if err != nil || len(got) != 1 || got[0].Object != want || got[0].Open {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	for _, name := range []string{"s3:ObjectCreated:Copy", "s3:ObjectCreated:Post", "s3:ObjectCreated:CompleteMultipartUpload"} {
		if got, err := MinIO.Parse([]byte(minioMessage(name, "k", sequencer, "v1"))); err != nil || len(got) != 1 || got[0].Version != "v1" {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRemoved:NoOP", "s3:ObjectCreated:PutTagging", "s3:ObjectCreated:PutRetention"} {
		if got, err := MinIO.Parse([]byte(minioMessage(name, "k", sequencer, ""))); err != nil || len(got) != 0 {
			t.Errorf("%s announces no new bytes; got %+v, %v", name, got, err)
		}
	}
	gone, err := MinIO.Parse([]byte(minioMessage("s3:ObjectRemoved:Delete", "k", sequencer, "v1")))
	if err != nil || len(gone) != 1 || !gone[0].Removed || gone[0].Version != "v1" {
		t.Fatalf("a version that was deleted: got %+v, %v", gone, err)
	}
	there := gone[0]
	there.Removed = false
	if there.ID() == gone[0].ID() {
		t.Error("an object and its removal have one identity")
	}
	if back, err := Unmarshal(gone[0].Marshal()); err != nil || back != gone[0].Object {
		t.Errorf("a removal is read back as %+v, %v", back, err)
	}
}

func TestParseMinIORefuses(t *testing.T) {
	for body, reason := range map[string]string{
		``:                 "unexpected end",
		`{}`:               "no records",
		`{"Records":"no"}`: "cannot unmarshal",
		minioMessage("s3:ObjectCreated:Put", "%zz", sequencer, ""):                                        "invalid URL escape",
		minioMessage("s3:ObjectCreated:Put", "k", "not hex", ""):                                          "sequencer",
		minioMessage("s3:ObjectCreated:Put", "k", "-1", ""):                                               "sequencer",
		minioMessage("s3:ObjectCreated:Put", "", sequencer, ""):                                           "names no bucket or no key",
		strings.Replace(minioMessage("s3:ObjectCreated:Put", "k", sequencer, ""), `"lakehouse"`, `""`, 1): "names no bucket or no key",
	} {
		if _, err := MinIO.Parse([]byte(body)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.80q: error %v, want one with %q", body, err, reason)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minioMessage("s3:ObjectCreated:Put", "bronze%2Fa.json", sequencer, "v")))
	f.Add([]byte(`{"Records":[{}]}`))
	for _, form := range forms {
		f.Add([]byte(form(put{key: "bronze/a b.json", version: "v", etag: "e", size: 3, sequencer: "0A", at: arrived})))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, rule := range []Rule{MinIO, AWS} {
			arrivals, _ := rule.Parse(body) // with an error it returns what it could read
			for _, a := range arrivals {
				o := a.Object
				back, err := Unmarshal(o.Marshal())
				// JSON and S3 keys are UTF-8 only.
				if err != nil || (back.ID() != o.ID() && strings.ToValidUTF8(o.Key+o.Bucket+o.Version+o.ETag, "�") == o.Key+o.Bucket+o.Version+o.ETag) {
					t.Fatalf("%s: %+v came back as %+v, %v", rule, o, back, err)
				}
				if _, err := RouteOf(o); err == nil && SubjectOf(o, func(string) bool { return true }) == Stray {
					t.Fatalf("%s: %q has a route and is a stray", rule, o.Key)
				}
			}
		}
	})
}

func TestRoutes(t *testing.T) {
	known := func(d string) bool { return d == "coincap/assets" || d == "my source/a.b" }
	for key, want := range map[string]string{
		"bronze/coincap/assets/ingest_date=2026-01-31/x.json":  "lake.ev.bronze.coincap.assets",
		"bronze/coincap/unheard/ingest_date=2026-01-31/x.json": Stray,
		"bronze/my source/a.b/ingest_date=2026-01-31/x.json":   "lake.ev.bronze.my%20source.a%2Eb",
		"bronze/x.json": Stray,
		"reports/x.md":  Stray,
		"silver/asset_prices/metadata/00001-u.metadata.json":    "lake.ev.silver.asset_prices",
		"silver/asset_prices/metadata/00001-u.gz.metadata.json": "lake.ev.silver.asset_prices",
		"silver/asset_prices/data/x.metadata.json":              Stray,
	} {
		if got := SubjectOf(Object{Key: key}, known); got != want {
			t.Errorf("%s goes to %s, want %s", key, got, want)
		}
	}
}

func TestOutcomeIsAFunctionOfTheError(t *testing.T) {
	for name, test := range map[string]struct {
		err       error
		delivered uint64
		action    Action
		delay     time.Duration
	}{
		"success":                {nil, 1, Done, 0},
		"an object's own fault":  {fmt.Errorf("wrapped: %w", Deadf("not JSON")), 1, Dead, 0},
		"an outage":              {errors.New("connection refused"), 1, Retry, 100 * time.Millisecond},
		"an outage that goes on": {errors.New("connection refused"), 4, Retry, 800 * time.Millisecond},
		"an outage of a week":    {errors.New("connection refused"), 10_000, Retry, time.Minute},
	} {
		if action, delay := Outcome(test.err, test.delivered); action != test.action || delay != test.delay {
			t.Errorf("%s: %v after %v, want %v after %v", name, action, delay, test.action, test.delay)
		}
	}
}

func TestRetryDelayGrowsToAMinute(t *testing.T) {
	last := time.Duration(0)
	for n := range uint64(70) {
		d := RetryDelay(n)
		if d < last || d > time.Minute || d <= 0 {
			t.Fatalf("delay %d is %v after %v", n, d, last)
		}
		last = d
	}
	if last != time.Minute {
		t.Errorf("the longest delay is %v", last)
	}
}

// An imported object is of the time of its original, by an event as by a listing; what claims to be later than it was stored is not.
func TestAnImportedObjectIsOfTheTimeOfItsOriginal(t *testing.T) {
	at := time.UnixMilli(1714521600123).UTC()
	put := at.Add(time.Hour)
	link := "bronze/a/b/ingest_date=2024-05-01/link=1714521600123-7-v1/exports/x.json"
	late := "bronze/a/b/ingest_date=2024-05-01/link=9714521600123-7-v1/exports/x.json"
	copied := "bronze/a/b/ingest_date=2024-05-01/at=1714521600123/x.json"
	for name, tt := range map[string]struct {
		o    Object
		at   time.Time
		size int64
	}{
		"a link":                      {Object{Key: link, Version: "v"}, at, 7},
		"a link without versions":     {Object{Key: link, Version: NoVersion}, at, 7},
		"a link of the future":        {Object{Key: late, Version: "v"}, put, 7},
		"a copy":                      {Object{Key: copied, Version: "v", Size: 3}, at, 3},
		"a copy that can be replaced": {Object{Key: copied, Version: NoVersion, Size: 3}, put, 3},
		"a removal":                   {Object{Key: link, Version: "v", Removed: true}, put, 0},
		"an object":                   {Object{Key: "bronze/a/b/ingest_date=2024-05-01/x.json", Version: "v", Size: 3}, put, 3},
	} {
		tt.o.ModifiedAt = put
		if got := tt.o.AsOriginal(); !got.ModifiedAt.Equal(tt.at) || got.Size != tt.size || got.AsOriginal() != got {
			t.Errorf("%s: %+v, want %v and %d bytes", name, got, tt.at, tt.size)
		}
	}
	message := fmt.Sprintf(`{"Records":[{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"lakehouse"},"object":{"key":%q,"versionId":"v","eTag":"e","sequencer":"%X"}}}]}`, link, put.UnixNano())
	all, err := MinIO.Parse([]byte(message))
	if err != nil || len(all) != 1 || all[0].ID() != (Object{Bucket: "lakehouse", Key: link, Version: "v", ETag: "e", ModifiedAt: put}).AsOriginal().ID() {
		t.Errorf("by an event: %+v, %v", all, err)
	}
}
