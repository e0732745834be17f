package duck

import (
	"os"
	osexec "os/exec"
	"strings"
	"testing"
)

// jemalloc reads its settings before main. It tells them to whoever asks by the environment, which may also change them.
func TestOneArenaKeepsWhatIsFreedForASecond(t *testing.T) {
	cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "DUCKDB_JE_MALLOC_CONF=confirm_conf:true,dirty_decay_ms:2000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var set []string
	for line := range strings.Lines(string(out)) {
		if _, value, ok := strings.Cut(strings.TrimSpace(line), "Set conf value: "); ok {
			set = append(set, value)
		}
	}
	if got, want := strings.Join(set, " "), "narenas:1 dirty_decay_ms:1000 confirm_conf:true dirty_decay_ms:2000"; got != want {
		t.Errorf("it sets %q, want %q", got, want)
	}
}
