package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/infra/minio"
	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
)

// stateFaults takes away or sets back what the parts remember.
func stateFaults() []fault {
	return slices.Concat(catalogFaults(), streamFaults(), storeFaults())
}

// rebuilt is what a reactor says that finds such a catalog.
const rebuilt = "the catalog is older than the lake"

// older copies the catalog, lets objects come, and has restore put the copy in the catalog's place.
func older(restore func(l *lab, t testing.TB, copied string)) func(testing.TB, *lab, *harness.Load, *rand.Rand) string {
	return func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
		copied := l.copyCatalog(t)
		l.flows(t, ld, 60)
		restore(l, t, copied)
		l.says(t, rebuilt)
		return "60 objects older"
	}
}

func catalogFaults() []fault {
	return []fault{
		{name: "catalog locked by another program", sees: "puts go on, tables stand still; one that holds the lock for a minute costs a minute",
			inject: func(t testing.TB, l *lab, _ *harness.Load, _ *rand.Rand) string {
				const locked = time.Minute
				unlock := l.lockCatalog(t)
				time.Sleep(locked)
				unlock()
				return fmt.Sprintf("for %s", locked)
			}},
		{name: "catalog deleted while the reactor runs", sees: "the reactor says so, ends, and its next start rebuilds every table from bronze", draw: true,
			inject: func(t testing.TB, l *lab, _ *harness.Load, _ *rand.Rand) string {
				for _, file := range catalog.Files(l.Catalog()) {
					if err := os.Remove(file); err != nil {
						t.Error(err)
					}
				}
				l.says(t, rebuilt)
				return ""
			}},
		{name: "catalog replaced by an earlier copy while the reactor runs", sees: "the reactor says so, ends, and its next start rebuilds every table from bronze",
			inject: older((*lab).restoreCatalog)},
		{name: "catalog replaced by an earlier copy while everything is stopped", sees: "the reactor says so at its start, and rebuilds every table from bronze", lay: newWholeLab,
			inject: older(func(l *lab, t testing.TB, copied string) {
				l.whole.Stop(t)
				l.restoreCatalog(t, copied)
				l.whole.Restart(t)
			})},
		{name: "catalog full of garbage", sees: "the reactor says so, moves the file aside, and rebuilds every table from bronze",
			inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
				garbage := make([]byte, 64<<10)
				for i := range garbage {
					garbage[i] = byte(random.Uint32())
				}
				next := l.Catalog() + ".new"
				if err := os.WriteFile(next, garbage, 0o600); err != nil {
					t.Fatal(err)
				}
				l.restoreCatalog(t, next)
				l.says(t, "is no SQLite database or a broken one")
				return ""
			}},
	}
}

func streamFaults() []fault {
	return []fault{
		{name: "stream EV deleted by hand", sees: "the reactor makes it anew; the reconciler publishes what was in it",
			inject: deletes("EV")},
		{name: "stream EV purged by hand", sees: "the reconciler publishes what was in it, under new message ids",
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				unlock := l.lockCatalog(t) // so that events wait in the stream
				l.flowsIn(t, ld, 20)
				s, err := l.JetStream(t).Stream(t.Context(), "EV")
				if err == nil {
					err = s.Purge(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
				unlock()
				return ""
			}},
		{name: "stream RAW deleted by hand", sees: "the reactor makes it anew; MinIO's queue holds what came in between",
			inject: deletes("RAW")},
		{name: "all streams deleted by hand", sees: "the reactor makes them anew; the reconciler publishes what was in them; dead letters are gone",
			inject: deletes("RAW", "EV", "DLQ")},
	}
}

func storeFaults() []fault {
	return []fault{
		{name: "MinIO's rules removed while it runs", sees: "the stack says so and sets them again; the reconciler finds what came in between", lay: newWholeLab,
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				// The owner of the bucket may do that.
				if err := l.Client().RemoveAllBucketNotification(t.Context(), bucket); err != nil {
					t.Fatal(err)
				}
				harness.Eventually(t, "the rules are set again", func() bool {
					got, err := l.Client().GetBucketNotification(t.Context(), bucket)
					return err == nil && len(got.QueueConfigs) == len(minio.Rules().QueueConfigs)
				})
				return ""
			}},
		{name: "MinIO run without its notification targets", sees: "puts go on, and nothing tells of them; after a start with targets the reconciler finds the objects",
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				l.store.Stop()
				func() {
					stop := l.runWithoutTargets(t)
					defer stop()
					l.flowsIn(t, ld, 5)
					told := l.told(t)
					l.flowsIn(t, ld, 40)
					if n := l.told(t) - told; n != 0 {
						t.Errorf("MinIO without targets published %d messages", n)
					}
				}()
				l.startStore(t)
				return ""
			}},
		{name: "broken files in MinIO's queue, and MinIO killed", sees: "the stack moves them into quarantine, or MinIO would not start",
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				l.poison(t, filepath.Join(l.Home, "events"))
				l.kill(t, theStore)
				return "truncated JSON, 0 bytes, 4096 NULs"
			}},
		{name: "broken files in MinIO's queue while it runs", sees: "the stack moves them into quarantine after some seconds", lay: newWholeLab,
			inject: func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
				queue := filepath.Join(l.Home, "events")
				l.poison(t, queue)
				harness.Eventually(t, "the broken files are out of the queue", func() bool { return len(l.poisoned(queue)) == 0 })
				return "truncated JSON, 0 bytes, 4096 NULs"
			}},
	}
}

// says waits until the reactor's log has a text.
func (l *lab) says(t testing.TB, text string) {
	t.Helper()
	harness.Eventually(t, "the reactor says "+text, func() bool {
		log, err := os.ReadFile(l.reactorLog)
		return err == nil && strings.Contains(string(log), text)
	})
}

// deletes deletes streams while events are in them.
func deletes(names ...string) func(testing.TB, *lab, *harness.Load, *rand.Rand) string {
	return func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
		unlock := l.lockCatalog(t)
		l.flowsIn(t, ld, 20)
		js := l.JetStream(t)
		for _, name := range names {
			if err := js.DeleteStream(t.Context(), name); err != nil {
				t.Errorf("delete stream %s: %v", name, err)
			}
		}
		unlock()
		for _, name := range names {
			harness.Eventually(t, "stream "+name+" is there again", func() bool { _, err := js.Stream(t.Context(), name); return err == nil })
		}
		return ""
	}
}

// runWithoutTargets runs MinIO as somebody might by hand: on the same folder and port, without what tells NATS.
func (l *lab) runWithoutTargets(t testing.TB) (stop func()) {
	t.Helper()
	cfg := l.storeConfig()
	cmd := exec.Command(cfg.Binary, "server", "--quiet", "--address", fmt.Sprintf("127.0.0.1:%d", cfg.Port), filepath.Join(cfg.Dir, "data"))
	cmd.Env = []string{"HOME=" + cfg.Dir, "MINIO_ROOT_USER=" + cfg.RootUser, "MINIO_ROOT_PASSWORD=" + cfg.RootPassword.Reveal(), "MINIO_BROWSER=off", "MINIO_UPDATE=off"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}
}

// told counts the messages that MinIO has ever published.
func (l *lab) told(t testing.TB) uint64 {
	t.Helper()
	s, err := l.JetStream(t).Stream(t.Context(), "RAW")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// poisons are queue files that MinIO cannot deliver.
var poisons = map[string][]byte{
	"00000000-0000-4000-8000-000000000001.event": []byte(`{"EventName":"s3:ObjectCreated:Put","Key":"lakehouse/br`),
	"00000000-0000-4000-8000-000000000002.event": nil,
	"00000000-0000-4000-8000-000000000003.event": make([]byte, 4096),
}

func (l *lab) poison(t testing.TB, queue string) {
	t.Helper()
	dir := filepath.Join(queue, "minio-nats-SAFE")
	for name, text := range poisons {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *lab) poisoned(queue string) (left []string) {
	for name := range poisons {
		if _, err := os.Stat(filepath.Join(queue, "minio-nats-SAFE", name)); err == nil {
			left = append(left, name)
		}
	}
	return left
}
