package harness

import (
	"bytes"
	"context"
	"testing"

	s3 "github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go"

	"millrace/tests/harness/home"
)

// Lake is what a test knows of a lakehouse: the folder with its addresses and credentials, and its object store.
type Lake struct {
	Home    string
	catalog string
	client  *s3.Client

	programs string // a folder of another release's; the project's own if empty
}

// OpenLake signs in to a lakehouse that runs and has its env files in a home folder. The catalog is a SQLite file.
func OpenLake(t testing.TB, dir, catalog string) *Lake {
	t.Helper()
	l := &Lake{Home: dir, catalog: catalog}
	l.client = l.ClientAs(t, "owner")
	return l
}

func (l *Lake) dir() home.Dir { return home.Dir(l.Home) }

// Bucket is the lakehouse's bucket.
func (l *Lake) Bucket() string { return "lakehouse" }

// Client signs in to the object store as the owner.
func (l *Lake) Client() *s3.Client { return l.client }

// ClientAs signs in to the object store as a role.
func (l *Lake) ClientAs(t testing.TB, role string) *s3.Client {
	t.Helper()
	client, err := l.dir().S3(role)
	if err != nil {
		t.Fatalf("sign in to S3 as %s: %v", role, err)
	}
	return client
}

// Connect gives a connection to NATS as a role that has one (owner, reactor), closed when the test ends.
func (l *Lake) Connect(t testing.TB, role string) *nats.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	conn, err := l.dir().NATS(ctx, role)
	if err != nil {
		t.Fatalf("connect to NATS as %s: %v", role, err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// Credentials are those of all users of a stack.
func (l *Lake) Credentials(t testing.TB) home.Credentials {
	t.Helper()
	c, err := l.dir().Credentials()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Put puts an object as any S3 client would and returns its version.
func (l *Lake) Put(t testing.TB, key string, body []byte, meta map[string]string) s3.UploadInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	info, err := l.client.PutObject(ctx, l.Bucket(), key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{UserMetadata: meta})
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return info
}

// PutAndWait puts an object and returns when it is in gold.
func (l *Lake) PutAndWait(t testing.TB, key string, body []byte, meta map[string]string) s3.UploadInfo {
	t.Helper()
	info := l.Put(t, key, body, meta)
	l.Wait(t, key)
	return info
}

// Objects lists the current objects below a prefix.
func (l *Lake) Objects(t testing.TB, prefix string) []s3.ObjectInfo {
	t.Helper()
	var all []s3.ObjectInfo
	for object := range l.client.ListObjectsIter(t.Context(), l.Bucket(), s3.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if object.Err != nil {
			t.Fatalf("list %s: %v", prefix, object.Err)
		}
		all = append(all, object)
	}
	return all
}

// Remove removes an object, or one version of it for good.
func (l *Lake) Remove(t testing.TB, key, version string) {
	t.Helper()
	if err := l.client.RemoveObject(t.Context(), l.Bucket(), key, s3.RemoveObjectOptions{VersionID: version}); err != nil {
		t.Fatalf("remove %s: %v", key, err)
	}
}
