package access

import (
	"testing"
	"time"

	"millrace/infra/settings"
)

// A job that loads a table must not be cut off a moment later.
func TestOldKeysAreGivenToNobody(t *testing.T) {
	v, err := NewVendor(settings.S3{Endpoint: "http://127.0.0.1:1", AccessKey: "reactor", SecretKey: "secret", Bucket: "lakehouse"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	write, read := grant{true, "silver/a"}, grant{false, "silver/a"}
	v.kept.Add(write, Keys{AccessKey: "w", Expires: now.Add(v.Life)})
	for after, want := range map[time.Duration]bool{0: true, 45 * time.Minute: true, 45*time.Minute + 1: false, time.Hour: false, 2 * time.Hour: false} {
		if keys, ok := v.remembered(write, now.Add(after)); ok != want || ok && keys.AccessKey != "w" {
			t.Errorf("after %s: %v, want %v", after, ok, want)
		}
	}
	if _, ok := v.remembered(read, now); ok {
		t.Error("who may only read got the keys of one who may write")
	}
}
