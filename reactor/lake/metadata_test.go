package lake_test

import (
	"io"
	"testing"

	"github.com/apache/iceberg-go"
	s3 "github.com/minio/minio-go/v7"

	"millrace/reactor/lake"
	"millrace/tests/harness"
)

// An engine may ask for compressed metadata. The lake wrote plain JSON under the name of a compressed file, and could not read it again.
func TestMetadataIsCompressedAsItsNameSays(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	address := "sqlite://" + t.TempDir() + "/catalog.db"
	l := openAt(t, s, address)
	table := name(t, "a")
	for codec, magic := range map[string]string{"gzip": "\x1f\x8b", "zstd": "\x28\xb5\x2f\xfd", "none": "{"} {
		for _, p := range []iceberg.Properties{{"write.metadata.compression-codec": codec}, {"codec": codec}} {
			if _, err := l.Commit(t.Context(), []lake.Change{{Base: view(t, l).Tables[table], Properties: p}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		other, err := lake.Open(t.Context(), s.Client(), s.Bucket(), address)
		if err != nil {
			t.Fatal(err)
		}
		now := view(t, other).Tables[table]
		if now.Meta.Properties()["codec"] != codec {
			t.Errorf("%s: read again, the table has %v", codec, now.Meta.Properties())
		}
		object, err := s.Client().GetObject(t.Context(), s.Bucket(), now.Location[len("s3://"+s.Bucket()+"/"):], s3.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		begin := make([]byte, len(magic))
		if _, err := io.ReadFull(object, begin); err != nil || string(begin) != magic {
			t.Errorf("%s: %s begins with %x, %v", codec, now.Location, begin, err)
		}
		if version, err := lake.MetadataVersion(now.Location); err != nil || version == 0 {
			t.Errorf("%s: %s has version %d, %v", codec, now.Location, version, err)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What another engine commits to a table of its own is no part of what the reactor reads for each of its steps.
func TestTheOwnViewHasNoTablesOfOthers(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	l := open(t, s)
	if err := l.Create(t.Context(), lake.Definition{Name: "silver.own_view", Schema: schema, Spec: byMonth}); err != nil {
		t.Fatal(err)
	}
	all := view(t, l)
	own, err := l.OwnView(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Tables) != 3 || len(own.Tables) != 1 || own.Tables["silver.own_view"] == nil {
		t.Errorf("the view has %d tables, the own view %v", len(all.Tables), own.Tables)
	}
}
