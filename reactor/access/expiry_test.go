package access_test

import (
	"flag"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/reactor/access"
)

var expire = flag.Bool("expire", false, "wait the quarter of an hour that MinIO's keys live at the least, and see them die")

func TestKeysDie(t *testing.T) {
	if !*expire {
		t.Log("MinIO makes no keys for less than 15 minutes: go test -run KeysDie -timeout 20m ./reactor/access -args -expire")
		return
	}
	s := storage(t)
	v := vendor(t, s)
	v.Life = 15 * time.Minute
	keys, err := v.Keys(t.Context(), access.Owner, "s3://"+bucket+"/silver/a")
	if err != nil {
		t.Fatal(err)
	}
	client := with(t, s, keys)
	look := func() error {
		_, err := client.StatObject(t.Context(), bucket, "silver/a/1.parquet", s3.StatObjectOptions{})
		return err
	}
	for time.Until(keys.Expires) > 5*time.Second {
		if err := look(); err != nil {
			t.Fatalf("%s before their end: %v", time.Until(keys.Expires), err)
		}
		time.Sleep(min(time.Minute, time.Until(keys.Expires)-4*time.Second))
	}
	time.Sleep(time.Until(keys.Expires) + 2*time.Second)
	if err := look(); err == nil {
		t.Error("the keys work after their end")
	}
	again, err := v.Keys(t.Context(), access.Owner, "s3://"+bucket+"/silver/a")
	if err != nil || again.AccessKey == keys.AccessKey {
		t.Fatalf("dead keys were lent again, %v", err)
	}
	client = with(t, s, again)
	if err := look(); err != nil {
		t.Errorf("the keys after them: %v", err)
	}
}
