package delivery_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"millrace/tests/harness"
)

// smallDisk mounts a tmpfs as a folder of the lab.
func smallDisk(folder string, megabytes int) func(testing.TB, string) {
	return func(t testing.TB, home string) {
		t.Helper()
		dir := filepath.Join(home, folder)
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=700", megabytes)); err != nil {
			t.Fatalf("mount a small disk: %v: a full disk needs the privilege to mount. Run as root, or as a root of your own: unshare --user --map-root-user --mount go tool task test:faults", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount the small disk: %v", err)
			}
		})
	}
}

// fill writes until a disk has no byte left. The function it returns makes room again.
func (l *lab) fill(t testing.TB, folder string) (free func()) {
	t.Helper()
	path := filepath.Join(l.Home, folder, "ballast")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	for len(block) > 0 {
		if _, err := file.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2] // down to the last byte
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// diskFaults fills a disk for some seconds.
func diskFaults() []fault {
	const full = 6 * time.Second
	var list []fault
	for _, d := range []struct {
		name, folder, sees string
		size               int
		also               func(testing.TB, *lab) func()
	}{
		{"the catalog", "catalog", "the reactor logs that commits fail, and retries; puts go on", 24, nil},
		{"the broker's streams", "nats", "nats-server refuses messages for good or switches JetStream off; the stack starts it again when there is room; MinIO's queue holds the events", 24, nil},
		{"MinIO's objects", "minio", "puts are refused; the reactor retries its own", 64, nil},
		{"MinIO's event queue, while the broker is away", "events", "puts go on, and their events are lost; the reconciler finds the objects", 8,
			func(t testing.TB, l *lab) func() { l.events.cut(t); return func() { l.events.mend(t) } }},
	} {
		list = append(list, fault{
			name: "disk full: " + d.name, sees: d.sees, prepare: smallDisk(d.folder, d.size),
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				undo := func() {}
				if d.also != nil {
					undo = d.also(t, l)
				}
				free := func() {}
				// It is filled again and again, because what runs may give some of it back.
				for end := time.Now().Add(full); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
					free = l.fill(t, d.folder)
				}
				free()
				undo()
				return fmt.Sprintf("full for %s", full)
			},
		})
	}
	return list
}
