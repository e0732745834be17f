package event

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// put is what happened to one version of an object: it came, or it went.
type put struct {
	key, version, etag, sequencer string
	size                          int64
	at                            time.Time
	gone                          bool
}

// arrival is what AWS's rule has to read of it.
func (p put) arrival() Arrival {
	a := Arrival{Object: Object{Bucket: "lakehouse", Key: p.key, Version: p.version, ModifiedAt: p.at.Truncate(time.Millisecond), ETag: p.etag, Size: p.size, Removed: p.gone},
		Open: !p.gone, Sequencer: Sequencer(p.sequencer)}
	if p.version == "" {
		a.Version = NoVersion
	}
	return a
}

// text is a value as JSON.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// record is a record of S3's, as its documentation shows one.
func (p put) record() string {
	name, object := "ObjectCreated:Put", map[string]any{"key": strings.ReplaceAll(url.QueryEscape(p.key), "%2F", "/"), "sequencer": p.sequencer}
	if p.version != "" {
		object["versionId"] = p.version
	}
	if p.gone {
		name = "ObjectRemoved:Delete"
	} else {
		object["size"], object["eTag"] = p.size, p.etag
	}
	return text(map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1", "eventTime": p.at.Format(time.RFC3339Nano), "eventName": name,
		"userIdentity": map[string]string{"principalId": "A"}, "requestParameters": map[string]string{"sourceIPAddress": "192.0.2.1"},
		"s3": map[string]any{"s3SchemaVersion": "1.0", "configurationId": "lake", "bucket": map[string]any{"name": "lakehouse", "arn": "arn:aws:s3:::lakehouse"}, "object": object},
	})
}

func s3Form(all ...put) string {
	var records []string
	for _, p := range all {
		records = append(records, p.record())
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

func snsForm(all ...put) string {
	return text(map[string]string{"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-central-1:1:lake", "Subject": "Amazon S3 Notification", "Message": s3Form(all...), "Timestamp": "2026-01-31T12:30:15.123Z"})
}

// eventBridge is one event of EventBridge's.
func eventBridge(p put) string {
	object := map[string]any{"key": p.key, "sequencer": p.sequencer}
	if p.version != "" {
		object["version-id"] = p.version
	}
	detail := map[string]any{"version": "0", "bucket": map[string]string{"name": "lakehouse"}, "object": object, "reason": "PutObject"}
	kind := "Object Created"
	if p.gone {
		kind, detail["reason"], detail["deletion-type"] = "Object Deleted", "DeleteObject", "Permanently Deleted"
	} else {
		object["size"], object["etag"] = p.size, p.etag
	}
	return text(map[string]any{"version": "0", "id": "1", "detail-type": kind, "source": "aws.s3", "account": "1", "time": p.at.Format(time.RFC3339Nano), "detail": detail})
}

// list is an array of the events, each in a form of its own.
func list(all []put, each func(put) string) string {
	var parts []string
	for _, p := range all {
		parts = append(parts, each(p))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// forms are the ways by which S3's messages come.
var forms = map[string]func(...put) string{
	"S3":  s3Form,
	"SNS": snsForm,
	"a list of records": func(all ...put) string {
		return list(all, put.record)
	},
	"SQS": func(all ...put) string {
		return text(map[string]string{"MessageId": "1", "ReceiptHandle": "h", "MD5OfBody": "m", "Body": s3Form(all...)})
	},
	"SNS in SQS": func(all ...put) string {
		return text(map[string]string{"MessageId": "1", "ReceiptHandle": "h", "Body": snsForm(all...)})
	},
	"the answer of SQS": func(all ...put) string {
		var messages []map[string]string
		for _, p := range all {
			messages = append(messages, map[string]string{"MessageId": "1", "Body": s3Form(p)})
		}
		return text(map[string]any{"Messages": messages})
	},
	"SQS in Lambda": func(all ...put) string {
		return text(map[string]any{"Records": []map[string]any{{"messageId": "1", "eventSource": "aws:sqs", "body": s3Form(all...)}}})
	},
	"SNS in Lambda": func(all ...put) string {
		return text(map[string]any{"Records": []map[string]any{{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": map[string]string{"Type": "Notification", "Message": s3Form(all...)}}}})
	},
	"EventBridge": func(all ...put) string { return list(all, eventBridge) },
	"EventBridge in SQS": func(all ...put) string {
		return list(all, func(p put) string { return text(map[string]string{"MessageId": "1", "Body": eventBridge(p)}) })
	},
}

// puts draws what happened to some objects.
func puts(t *rapid.T) []put {
	keys := rapid.SliceOfNDistinct(rapid.StringMatching(`bronze/coincap/assets/ingest_date=2026-01-3[01]/[a-zé +%&=~!*'()]{1,6}\.json`), 1, 4, rapid.ID[string]).Draw(t, "keys")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) put {
		p := put{
			key: rapid.SampledFrom(keys).Draw(t, "key"), version: rapid.SampledFrom([]string{"", "null", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "v2"}).Draw(t, "version"),
			sequencer: rapid.StringMatching(`0{0,2}[0-9A-F]{1,18}`).Draw(t, "sequencer"), at: time.UnixMilli(rapid.Int64Range(1, 4e12).Draw(t, "ms")).UTC(),
			gone: rapid.Bool().Draw(t, "gone"),
		}
		if !p.gone {
			p.etag, p.size = rapid.StringMatching(`[0-9a-f]{4}(-3)?`).Draw(t, "etag"), rapid.Int64Range(0, 1e12).Draw(t, "size")
		}
		return p
	}), 1, 8).Draw(t, "puts")
}

// Any form, any order, any number of copies: the same versions, those of one key in the order of their sequencers.
func TestEveryFormSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		happened := puts(t)
		want := map[Arrival]bool{}
		for _, p := range happened {
			want[p.arrival()] = true
		}
		name := rapid.SampledFrom(slices.Sorted(func(yield func(string) bool) {
			for name := range forms {
				if !yield(name) {
					return
				}
			}
		})).Draw(t, "form")
		again := rapid.SliceOfN(rapid.SampledFrom(happened), 0, 8).Draw(t, "again")
		got, err := AWS.Parse([]byte(forms[name](rapid.Permutation(append(again, happened...)).Draw(t, "order")...)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		last := map[string]Sequencer{}
		seen := map[Arrival]bool{}
		for _, a := range got {
			if !want[a] {
				t.Fatalf("%s: %+v never happened", name, a)
			}
			seen[a] = true
			if before, any := last[a.Key]; any && before.Compare(a.Sequencer) > 0 {
				t.Fatalf("%s: %s comes after %s", name, a.Sequencer, before)
			}
			last[a.Key] = a.Sequencer
		}
		if len(seen) != len(want) || len(got) != len(happened)+len(again) {
			t.Fatalf("%s: %d arrivals of %d versions, want %d of %d", name, len(got), len(seen), len(happened)+len(again), len(want))
		}
	})
}

// A sequencer is a number: no rule about texts of one length may show.
func TestSequencersCompareAsNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (Sequencer, *big.Int) {
			s := rapid.StringMatching(`0{0,3}[0-9a-fA-F]{1,20}`).Draw(t, name)
			n, ok := new(big.Int).SetString(s, 16)
			if !ok {
				t.Fatalf("%q is no number", s)
			}
			return Sequencer(s), n
		}
		a, x := draw("a")
		b, y := draw("b")
		if got, want := a.Compare(b), x.Cmp(y); got != want {
			t.Fatalf("%s against %s is %d, want %d", a, b, got, want)
		}
	})
	for _, pair := range [][2]Sequencer{{"9", "10"}, {"00FF", "100"}, {"0055AED6DCD90281E5", "0155AED6DCD90281E5"}, {"", "1"}} {
		if pair[0].Compare(pair[1]) >= 0 || pair[1].Compare(pair[0]) <= 0 {
			t.Errorf("%q is not before %q", pair[0], pair[1])
		}
	}
}

// MinIO's sequencer is the object's time, AWS's is not.
func TestOnlyMinIOsSequencerIsATime(t *testing.T) {
	p := put{key: "bronze/a.json", version: "v", etag: "e", size: 1, sequencer: sequencer, at: arrived}
	byMinIO, err := MinIO.Parse([]byte(s3Form(p)))
	if err != nil || byMinIO[0].Open || byMinIO[0].ModifiedAt.Equal(p.arrival().ModifiedAt) {
		t.Errorf("MinIO's rule reads %+v, %v", byMinIO, err)
	}
	byAWS, err := AWS.Parse([]byte(s3Form(p)))
	if err != nil || !byAWS[0].Open || byAWS[0] != p.arrival() {
		t.Errorf("AWS's rule reads %+v, %v", byAWS, err)
	}
}

func TestWhatAWSsRuleLeavesOut(t *testing.T) {
	good := put{key: "bronze/a.json", version: "v", etag: "e", size: 1, sequencer: "1", at: arrived}
	for name, change := range map[string]func(string) string{
		"a delete marker": func(s string) string {
			return strings.Replace(s, "ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", 1)
		},
		"a delete marker of lifecycle": func(s string) string {
			return strings.Replace(s, "ObjectCreated:Put", "LifecycleExpiration:DeleteMarkerCreated", 1)
		},
		"tags":                  func(s string) string { return strings.Replace(s, "ObjectCreated:Put", "ObjectTagging:Put", 1) },
		"a restored archive":    func(s string) string { return strings.Replace(s, "ObjectCreated:Put", "ObjectRestore:Completed", 1) },
		"a data file of silver": func(s string) string { return strings.Replace(s, "bronze/a.json", "silver/t/data/x.parquet", 1) },
		"gold": func(s string) string {
			return strings.Replace(s, "bronze/a.json", "gold/t/metadata/1.metadata.json", 1)
		},
		"the message that tries a rule": func(string) string {
			return `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-31T12:30:15.123Z","Bucket":"lakehouse"}`
		},
		"a delete marker, by EventBridge": func(string) string {
			p := good
			p.gone = true
			return strings.Replace(eventBridge(p), "Permanently Deleted", "Delete Marker Created", 1)
		},
	} {
		if got, err := AWS.Parse([]byte(change(s3Form(good)))); err != nil || len(got) != 0 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	expired, err := AWS.Parse([]byte(strings.Replace(s3Form(good), "ObjectCreated:Put", "LifecycleExpiration:Delete", 1)))
	if err != nil || len(expired) != 1 || !expired[0].Removed || expired[0].Open {
		t.Errorf("a version that lifecycle deleted: %+v, %v", expired, err)
	}
	silver := good
	silver.key = "silver/asset_prices/metadata/00001-u.metadata.json"
	hint, err := AWS.Parse([]byte(s3Form(silver)))
	if err != nil || len(hint) != 1 || hint[0].Open || hint[0].Version != NoVersion {
		t.Errorf("silver's metadata: %+v, %v", hint, err)
	}
}

func TestAWSsRuleRefuses(t *testing.T) {
	good := put{key: "bronze/a.json", version: "v", etag: "e", size: 1, sequencer: "1", at: arrived}
	deep := s3Form(good)
	for range layers + 1 {
		deep = text(map[string]string{"Body": deep})
	}
	for body, reason := range map[string]string{
		``:              "unexpected end",
		`[]`:            "no records",
		`{"Records":1}`: "cannot unmarshal",
		deep:            "more than 4 deep",
		`{"Body":"x"}`:  "invalid character",
		`{"Type":"SubscriptionConfirmation","Message":"You have chosen to subscribe","SubscribeURL":"https://sns.example/"}`: "confirm it",
		strings.Replace(s3Form(good), `"sequencer":"1"`, `"sequencer":"x"`, 1):                                               "not hexadecimal",
		strings.Replace(s3Form(good), "2026-01-31T", "31 January ", 1):                                                       "the event's time",
		strings.Replace(s3Form(good), "bronze/a.json", "%zz", 1):                                                             "invalid URL escape",
		strings.Replace(s3Form(good), `"name":"lakehouse"`, `"name":""`, 1):                                                  "names no bucket",
	} {
		if _, err := AWS.Parse([]byte(body)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.80q: error %v, want one with %q", body, err, reason)
		}
	}
	if _, err := Rule("azure").Parse([]byte(s3Form(good))); err == nil || !strings.Contains(err.Error(), "azure") {
		t.Errorf("a rule that there is none of: %v", err)
	}
}

// A record that cannot be read takes none of its neighbours with it.
func TestABadRecordHasGoodNeighbours(t *testing.T) {
	good := put{key: "bronze/a.json", version: "v", etag: "e", size: 1, sequencer: "1", at: arrived}
	body := fmt.Sprintf(`{"Records":[%s,{"eventName":"what"},%s]}`, good.record(), strings.Replace(good.record(), "2026-01-31T", "", 1))
	got, err := AWS.Parse([]byte(body))
	if err == nil || len(got) != 1 || got[0] != good.arrival() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTheClientsTraceIsRead(t *testing.T) {
	body := strings.Replace(minioMessage("s3:ObjectCreated:Put", "k", sequencer, "v"), `"size":5`, `"size":5,"userMetadata":{"X-Amz-Meta-Traceparent":"00-1-2-01"}`, 1)
	if got, err := MinIO.Parse([]byte(body)); err != nil || len(got) != 1 || got[0].Trace != "00-1-2-01" {
		t.Errorf("got %+v, %v", got, err)
	}
}
