package access_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"millrace/infra/minio"
	"millrace/infra/settings"
	"millrace/reactor/access"
	"millrace/tests/harness"
)

const bucket = "lakehouse"

// storage is a real MinIO with the users of a lakehouse and some files.
func storage(t testing.TB) (reactor settings.S3) {
	t.Helper()
	ctx, server := t.Context(), harness.Store(t, nil)
	root, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	if err := minio.EnsureBucket(ctx, root, bucket); err != nil {
		t.Fatal(err)
	}
	secrets := map[string]settings.Secret{}
	for _, user := range minio.Users {
		secrets[user] = settings.Secret("secret-of-" + user)
	}
	if err := server.EnsureUsers(ctx, bucket, secrets); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"silver/a/1.parquet", "silver/ab/1.parquet", "gold/a/1.parquet", "tables/lab/t/1.parquet", "bronze/coincap/assets/ingest_date=2026-01-31/1.json", "reports/1.html"} {
		if _, err := root.PutObject(ctx, bucket, key, strings.NewReader("x"), 1, s3.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return settings.S3{Endpoint: server.Endpoint(), AccessKey: minio.UserReactor, SecretKey: secrets[minio.UserReactor], Bucket: bucket}
}

func vendor(t testing.TB, s settings.S3) *access.Vendor {
	t.Helper()
	v, err := access.NewVendor(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func with(t testing.TB, s settings.S3, keys access.Keys) *s3.Client {
	t.Helper()
	client, err := s3.New(strings.TrimPrefix(s.Endpoint, "http://"), &s3.Options{Region: "us-east-1", MaxRetries: 1,
		Creds: credentials.NewStaticV4(keys.AccessKey, keys.SecretKey.Reveal(), keys.SessionToken.Reveal())})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// deed is something that somebody with vended keys tries. may names the grants that may.
type deed struct {
	what string
	do   func(context.Context, *s3.Client) error
	may  string
}

func deeds() []deed {
	get := func(key string) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error {
			o, err := c.GetObject(ctx, bucket, key, s3.GetObjectOptions{})
			if err == nil {
				_, err = io.ReadAll(o)
			}
			return err
		}
	}
	put := func(key string) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error {
			_, err := c.PutObject(ctx, bucket, key, strings.NewReader("y"), 1, s3.PutObjectOptions{})
			return err
		}
	}
	remove := func(key string) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error {
			return c.RemoveObject(ctx, bucket, key, s3.RemoveObjectOptions{})
		}
	}
	list := func(prefix string, recursive bool) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error {
			for object := range c.ListObjects(ctx, bucket, s3.ListObjectsOptions{Prefix: prefix, Recursive: recursive}) {
				if object.Err != nil {
					return object.Err
				}
			}
			return nil
		}
	}
	copied := func(from, to string) func(context.Context, *s3.Client) error {
		return func(ctx context.Context, c *s3.Client) error {
			_, err := c.CopyObject(ctx, s3.CopyDestOptions{Bucket: bucket, Object: to}, s3.CopySrcOptions{Bucket: bucket, Object: from})
			return err
		}
	}
	const bronze = "bronze/coincap/assets/ingest_date=2026-01-31/"
	return []deed{
		{"read its own file", get("silver/a/1.parquet"), "owner analyst reporter"},
		{"list its own folder", list("silver/a/", true), "owner analyst reporter"},
		{"list a folder of its own", list("silver/a/data/", false), "owner analyst reporter"},
		{"put into its own folder", put("silver/a/2.parquet"), "owner"},
		{"put many parts into its own folder", func(ctx context.Context, c *s3.Client) error {
			_, err := c.PutObject(ctx, bucket, "silver/a/3.parquet", strings.NewReader(strings.Repeat("z", 6<<20)), 6<<20, s3.PutObjectOptions{PartSize: 5 << 20})
			return err
		}, "owner"},
		{"delete from its own folder", remove("silver/a/2.parquet"), "owner"},
		{"read another table", get("gold/a/1.parquet"), ""},
		{"read a table whose name begins alike", get("silver/ab/1.parquet"), ""},
		{"read another engine's table", get("tables/lab/t/1.parquet"), ""},
		{"read bronze", get(bronze + "1.json"), ""},
		{"read a report", get("reports/1.html"), ""},
		{"climb out of the folder", get("silver/a/../ab/1.parquet"), ""},
		{"put into another table", put("gold/a/2.parquet"), ""},
		{"put into a table whose name begins alike", put("silver/ab/2.parquet"), ""},
		{"put the folder itself", put("silver/a"), ""},
		{"put into bronze", put(bronze + "2.json"), ""},
		{"delete from another table", remove("gold/a/1.parquet"), ""},
		{"delete from bronze", remove(bronze + "1.json"), ""},
		{"list everything", list("", true), ""},
		{"list silver", list("silver/", true), ""},
		{"list what begins alike", list("silver/a", true), ""},
		{"list bronze", list("bronze/", true), ""},
		{"list buckets", func(ctx context.Context, c *s3.Client) error {
			all, err := c.ListBuckets(ctx) // MinIO shows those that the keys may do something in
			if err == nil && len(all) > 0 {
				_, err = c.GetBucketNotification(ctx, bucket)
			}
			return err
		}, ""},
		{"copy bronze into its own folder", copied(bronze+"1.json", "silver/a/stolen"), ""},
		{"copy its own file into bronze", copied("silver/a/1.parquet", bronze+"3.json"), ""},
		{"read the policy", func(ctx context.Context, c *s3.Client) error { _, err := c.GetBucketPolicy(ctx, bucket); return err }, ""},
		{"stop versions", func(ctx context.Context, c *s3.Client) error { return c.SuspendVersioning(ctx, bucket) }, ""},
	}
}

func TestVendedKeysOpenOneFolder(t *testing.T) {
	s := storage(t)
	v := vendor(t, s)
	for _, role := range []access.Role{access.Owner, access.Analyst, access.Reporter} {
		keys, err := v.Keys(t.Context(), role, "s3://"+bucket+"/silver/a")
		if err != nil {
			t.Fatal(err)
		}
		client := with(t, s, keys)
		for _, d := range deeds() {
			err := d.do(t.Context(), client)
			if may := slices.Contains(strings.Fields(d.may), string(role)); may != (err == nil) {
				t.Errorf("%s, %s: allowed is %v, want %v (%v)", role, d.what, err == nil, may, err)
			}
		}
		// Nobody makes himself more keys, of the reactor's user for instance, out of these.
		more := s
		more.AccessKey, more.SecretKey = keys.AccessKey, keys.SecretKey
		if _, err := vendor(t, more).Keys(t.Context(), access.Owner, "s3://"+bucket+"/gold/a"); err == nil {
			t.Errorf("%s: vended keys make keys for another table", role)
		}
		if left := time.Until(keys.Expires); left < 15*time.Minute || left > time.Hour+time.Minute {
			t.Errorf("%s: the keys work for %s", role, left)
		}
		for _, secret := range []settings.Secret{keys.SecretKey, keys.SessionToken} {
			if secret == "" || strings.Contains(fmt.Sprintf("%v %+v %#v", keys, keys, keys), secret.Reveal()) {
				t.Errorf("%s: a secret is empty, or shows when keys are printed", role)
			}
		}
	}
}

func TestKeysNeedTheirSessionToken(t *testing.T) {
	s := storage(t)
	keys, err := vendor(t, s).Keys(t.Context(), access.Owner, "s3://"+bucket+"/silver/a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := vendor(t, s).Keys(t.Context(), access.Owner, "s3://"+bucket+"/gold/a")
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]settings.Secret{"none": "", "another table's": other.SessionToken, "a changed one": keys.SessionToken[:len(keys.SessionToken)-2] + "xx"} {
		mixed := keys
		mixed.SessionToken = token
		if _, err := with(t, s, mixed).StatObject(t.Context(), bucket, "silver/a/1.parquet", s3.StatObjectOptions{}); err == nil {
			t.Errorf("the session token is %s, and the keys work", what)
		}
	}
}

func TestKeysAreMadeForPlacesOfTablesOnly(t *testing.T) {
	v := vendor(t, settings.S3{Endpoint: "http://127.0.0.1:1", AccessKey: "reactor", SecretKey: "secret", Bucket: bucket}) // nobody is asked
	for _, location := range []string{"s3://lakehouse/bronze/coincap", "s3://lakehouse/silver", "s3://lakehouse/silver/*", "s3://other/silver/a", "s3://lakehouse/silver/../bronze/x", ""} {
		_, err := v.Keys(t.Context(), access.Owner, location)
		if _, ok := errors.AsType[*access.PlaceError](err); !ok {
			t.Errorf("%s: %v", location, err)
		}
	}
	_, err := v.Keys(t.Context(), access.Owner, "s3://lakehouse/silver/a")
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "silver/a") {
		t.Errorf("an STS that does not answer: %v", err)
	}
}

// Fifty loads a second of one table cost no call of STS each.
func TestKeysAreSharedUntilTheyAreOld(t *testing.T) {
	s := storage(t)
	v := vendor(t, s)
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			role := []access.Role{access.Owner, access.Analyst, access.Reporter}[i%3]
			keys, err := v.Keys(t.Context(), role, "s3://"+bucket+"/silver/a"+strings.Repeat("/", i%2))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprint(role.MayWrite(), " ", keys.AccessKey)]++
		})
	}
	wg.Wait()
	if len(seen) != 2 {
		t.Errorf("50 loads at once got %v, want one key to write and one to read", seen)
	}
	again, err := vendor(t, s).Keys(t.Context(), access.Owner, "s3://"+bucket+"/silver/a")
	if err != nil || seen["true "+again.AccessKey] > 0 {
		t.Errorf("another vendor gave the same keys, %v", err)
	}
}

// One call of STS, against keys that are remembered.
func BenchmarkKeys(b *testing.B) {
	s := storage(b)
	v := vendor(b, s)
	b.Run("new", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := v.Keys(b.Context(), access.Owner, fmt.Sprintf("s3://%s/tables/lab/t%d-%d", bucket, b.N, i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		for b.Loop() {
			if _, err := v.Keys(b.Context(), access.Owner, "s3://"+bucket+"/silver/a"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
