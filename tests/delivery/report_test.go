package delivery_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// writeReadme replaces what a README has between two marks by the table of a run.
func writeReadme(path, built string, faults []fault, results []figures, took time.Duration) error {
	const begin, end = "<!-- generated: begin -->\n", "<!-- generated: end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the README that gets the table: %w", err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks %q and %q", path, begin, end)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\nThe last run: %s UTC, commit %s, %s, %d faults in %.1f minutes. Nothing lost, nothing doubled, `reactor check` equal after each.\n\n",
		time.Now().UTC().Format("2006-01-02 15:04"), built, machine(), len(faults), took.Minutes())
	b.WriteString("| fault | what a user sees | acknowledged | lost | doubled | rows wrong | seconds to heal |\n|---|---|---|---|---|---|---|\n")
	for i, f := range faults {
		r := results[i]
		name := f.name
		if r.Note != "" {
			name += " (" + r.Note + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %.1f |\n", name, f.sees, r.Acknowledged, r.Lost, r.Doubled, r.Missing+r.Excess, r.Heal)
	}
	return os.WriteFile(path, []byte(head+begin+b.String()+"\n"+end+tail), 0o644)
}

// commit names the commit that the programs were built from, as far as git knows.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(out))
	if changed, err := exec.Command("git", "status", "--porcelain").Output(); err == nil && len(bytes.TrimSpace(changed)) > 0 {
		id += " and changes"
	}
	return id
}

// machine says what it ran on.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load := ""
	if text, err := os.ReadFile(filepath.Join("/proc", "loadavg")); err == nil {
		load = ", load average at the end " + strings.Fields(string(text))[1]
	}
	return fmt.Sprintf("%d cores (%s%s)", runtime.NumCPU(), model, load)
}
