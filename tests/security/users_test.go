package security_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/minio"
	"millrace/infra/settings"
	"millrace/tests/harness"
	"millrace/tests/harness/buffer"
	"millrace/tests/harness/coin"
)

var everybody = []string{"ingestor", "reactor", "analyst", "reporter", "owner"}

// attempt is something that users of the object store try. may names those who may.
type attempt struct {
	what string
	do   func(*s3.Client) error
	may  string
}

func s3Users(t *testing.T, s *harness.Stack) {
	for _, tt := range attempts(t, s) {
		for _, role := range everybody {
			err := tt.do(s.ClientAs(t, role))
			if may := slices.Contains(strings.Fields(tt.may), role); may != (err == nil) {
				t.Errorf("%s, %s: allowed is %v, want %v (%v)", role, tt.what, err == nil, may, err)
			} else if err != nil && s3.ToErrorResponse(err).StatusCode != 403 {
				t.Errorf("%s, %s: refused with another error: %v", role, tt.what, err)
			}
		}
	}
	changeRules(t, s)
	administer(t, s)
}

func attempts(t *testing.T, s *harness.Stack) []attempt {
	bronze := coin.AssetsKey("roles.json")
	version := s.Put(t, bronze, []byte("{}"), nil).VersionID
	s.Put(t, "gold/t/f.parquet", []byte("x"), nil)
	put := func(key string) func(*s3.Client) error {
		return func(c *s3.Client) error {
			_, err := c.PutObject(t.Context(), s.Bucket(), key, strings.NewReader("{}"), 2, s3.PutObjectOptions{})
			return err
		}
	}
	read := func(key string) func(*s3.Client) error {
		return func(c *s3.Client) error {
			_, err := c.StatObject(t.Context(), s.Bucket(), key, s3.StatObjectOptions{})
			return err
		}
	}
	remove := func(key, version string) func(*s3.Client) error {
		return func(c *s3.Client) error {
			return c.RemoveObject(t.Context(), s.Bucket(), key, s3.RemoveObjectOptions{VersionID: version})
		}
	}
	return []attempt{
		{"put into bronze", put(coin.AssetsKey("new.json")), "ingestor owner"},
		{"put what is no data file into bronze", put(coin.AssetsKey("new.txt")), "owner"},
		{"put an object that would hide a dataset", put("bronze/hidden/dataset"), "owner"},
		{"put into silver", put("silver/t/new"), "reactor owner"},
		{"put into gold", put("gold/t/new"), "reactor owner"},
		{"put a report", put("reports/new"), "reporter owner"},
		{"put elsewhere", put("elsewhere/new"), "owner"},
		{"put beside bronze", put("bronze2/new"), "owner"},
		{"read bronze", read(bronze), "reactor analyst reporter owner"},
		{"read gold", read("gold/t/f.parquet"), "reactor analyst reporter owner"},
		{"read an old version", func(c *s3.Client) error {
			_, err := c.StatObject(t.Context(), s.Bucket(), bronze, s3.StatObjectOptions{VersionID: version})
			return err
		}, "reactor analyst reporter owner"},
		{"list versions", func(c *s3.Client) error {
			for object := range c.ListObjects(t.Context(), s.Bucket(), s3.ListObjectsOptions{Prefix: "bronze/", WithVersions: true}) {
				return object.Err
			}
			return nil
		}, "reactor analyst reporter owner"},
		{"copy gold into bronze", func(c *s3.Client) error {
			_, err := c.CopyObject(t.Context(), s3.CopyDestOptions{Bucket: s.Bucket(), Object: coin.AssetsKey("copy.txt")}, s3.CopySrcOptions{Bucket: s.Bucket(), Object: "gold/t/f.parquet"})
			return err
		}, "owner"},
		{"make a bucket", func(c *s3.Client) error { return c.MakeBucket(t.Context(), "other", s3.MakeBucketOptions{}) }, ""},
		{"remove the bucket", func(c *s3.Client) error {
			return c.RemoveBucketWithOptions(t.Context(), "absent", s3.RemoveBucketOptions{})
		}, ""},
		{"open the bucket to everybody", func(c *s3.Client) error { return c.SetBucketPolicy(t.Context(), s.Bucket(), "") }, "owner"},
		{"stop keeping versions", func(c *s3.Client) error { return c.SuspendVersioning(t.Context(), "absent") }, ""},
		{"delete from gold", remove("gold/t/f.parquet", ""), "reactor owner"},
		{"delete a version from bronze", remove(bronze, version), "owner"},
		{"delete from bronze", remove(bronze, ""), "owner"},
	}
}

// changeRules tries to cut the events off. Only the owner may, and sets the same rules again.
func changeRules(t *testing.T, s *harness.Stack) {
	rules, err := s.Client().GetBucketNotification(t.Context(), s.Bucket())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range everybody {
		err := s.ClientAs(t, role).SetBucketNotification(t.Context(), s.Bucket(), rules)
		if (err == nil) != (role == "owner") {
			t.Errorf("%s, set the rules: %v", role, err)
		}
	}
}

// administer tries MinIO's own interface. No user may use it, and nobody's environment has the root user's key.
func administer(t *testing.T, s *harness.Stack) {
	for _, role := range everybody {
		vars := s.Vars(t, role)
		admin := minio.NewAdmin(s.S3, vars["MILLRACE_S3_ACCESS_KEY"], settings.Secret(vars["MILLRACE_S3_SECRET_KEY"]), nil)
		for _, door := range []struct {
			what, method, operation string
			query                   url.Values
		}{
			{"list users", http.MethodGet, "list-users", nil},
			{"read the config", http.MethodGet, "config", nil},
			{"make a user", http.MethodPut, "add-user", url.Values{"accessKey": {"intruder"}}},
			{"take root's role", http.MethodPut, "set-user-or-group-policy", url.Values{"policyName": {"consoleAdmin"}, "userOrGroup": {role}, "isGroup": {"false"}}},
			{"export the users", http.MethodGet, "export-iam", nil},
			{"import users", http.MethodPut, "import-iam-v2", nil},
			{"stop the server", http.MethodPost, "service", url.Values{"action": {"stop"}, "type": {"2"}}},
		} {
			_, err := admin.Call(t.Context(), door.method, door.operation, door.query, nil)
			if said, ok := errors.AsType[s3.ErrorResponse](err); !ok || said.Code != "AccessDenied" {
				t.Errorf("%s, %s: %v", role, door.what, err)
			}
		}
	}
}

func natsUsers(t *testing.T, s *harness.Stack) {
	for _, role := range []string{"ingestor", "analyst", "reporter"} {
		if url := s.Vars(t, role)["MILLRACE_NATS_URL"]; url != "" {
			t.Errorf("%s has an address of NATS: %s", role, url)
		}
	}
	if _, err := nats.Connect(s.NATS); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without a password: %v", err)
	}
	if _, err := nats.Connect(s.NATS, nats.UserInfo("minio", "guess")); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("with a wrong password: %v", err)
	}
	nc := refusals(t, s)
	// Nothing of that has come through, and the user can do its own job.
	if _, err := s.JetStream(t).Stream(t.Context(), "EV"); err != nil {
		t.Errorf("the stream EV: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	own, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Publish(ctx, "lake.raw.fast", []byte(`{"Records":[{"EventName":"s3:ObjectRemoved:Delete"}]}`)); err != nil {
		t.Errorf("publish an event: %v", err)
	}
}

// refusals signs in to NATS as MinIO and tries what that user may not. It returns the connection.
func refusals(t *testing.T, s *harness.Stack) *nats.Conn {
	t.Helper()
	var refused buffer.Locked
	nc, err := nats.Connect(s.NATS, nats.UserInfo("minio", s.Credentials(t).NATS["minio"]), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		_, _ = fmt.Fprintln(&refused, strings.ToLower(err.Error()))
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	was := func(what string) func() bool {
		return func() bool { return strings.Contains(refused.String(), strings.ToLower(what)) }
	}
	for _, subject := range []string{"lake.ev.bronze.coincap.assets", "lake.ev.stray", "lake.dlq.gold", "$JS.API.STREAM.DELETE.EV", "$JS.API.STREAM.PURGE.RAW", "$JS.API.STREAM.MSG.GET.EV", "$JS.API.CONSUMER.CREATE.EV", "$JS.ACK.EV.gold.1.1.1.1.1", "anything"} {
		if err := nc.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "MinIO's user may not publish to "+subject, was(fmt.Sprintf("publish to %q", subject)))
	}
	for _, subject := range []string{"lake.>", "lake.raw.>", ">", "$JS.EVENT.>", "$SYS.>"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "MinIO's user may not listen to "+subject, was(fmt.Sprintf("subscription to %q", subject)))
	}
	return nc
}
