package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/infra/cli"
)

// Report is what a run leaves. The files in results are such reports.
type Report struct {
	Commit    string     `json:"commit"`
	Dirty     bool       `json:"dirty"` // the tree differed from the commit
	Quick     bool       `json:"quick"`
	Seed      uint64     `json:"seed"`
	Start     time.Time  `json:"start"`
	End       time.Time  `json:"end"`
	Machine   Machine    `json:"machine"`
	Figures   []Figure   `json:"figures"`
	Resources []Resource `json:"resources"`
	// Peers holds the comparisons with other systems, Equal how many rows of each were equal at the end.
	Peers []*Comparison  `json:"peers,omitempty"`
	Equal map[string]int `json:"equal_rows,omitempty"`
}

// Machine says where a run took place. Load is the average of the minute before: what else the machine had to do.
type Machine struct {
	CPU    string  `json:"cpu"`
	Cores  int     `json:"cores"`
	Memory string  `json:"memory"`
	Kernel string  `json:"kernel"`
	Go     string  `json:"go"`
	Load   float64 `json:"load_before"`
}

// Resource is what a process took while a scenario was timed.
type Resource struct {
	Scenario   string  `json:"scenario"`
	Part       string  `json:"part"` // of the scenario
	Process    string  `json:"process"`
	CPUSeconds float64 `json:"cpu_s"`
	PeakRSSMB  float64 `json:"peak_rss_mb"`
	// S3 holds what MinIO answered, Upkeep what the reactor did in its pauses, by the kind of work.
	S3     *Traffic         `json:"s3,omitempty"`
	Upkeep map[string]Steps `json:"upkeep,omitempty"`
}

func newReport(ctx context.Context, a app) (*Report, error) {
	commit, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return nil, fmt.Errorf("ask git for the commit that is measured: %w", err)
	}
	changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
	if err != nil {
		return nil, fmt.Errorf("ask git whether the tree is that of the commit: %w", err)
	}
	m, err := thisMachine()
	return &Report{
		Commit: strings.TrimSpace(string(commit)), Dirty: len(changes) > 0, Quick: a.Quick, Seed: a.Seed,
		Start: time.Now().UTC().Truncate(time.Second), Machine: m, Equal: map[string]int{},
	}, err
}

func thisMachine() (Machine, error) {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok && info.GoVersion != "" {
		m.Go = info.GoVersion
	}
	var err error
	read := func(file, name string) string {
		text, failure := os.ReadFile(file)
		err = errors.Join(err, failure)
		if name == "" {
			return strings.TrimSpace(string(text))
		}
		lines := bufio.NewScanner(strings.NewReader(string(text)))
		for lines.Scan() {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	m.CPU = read("/proc/cpuinfo", "model name")
	m.Memory = read("/proc/meminfo", "MemTotal")
	m.Kernel = read("/proc/sys/kernel/osrelease", "")
	first, _, _ := strings.Cut(read("/proc/loadavg", ""), " ")
	load, failure := strconv.ParseFloat(first, 64)
	m.Load = load
	if err = errors.Join(err, failure); err != nil {
		return m, fmt.Errorf("describe the machine (the bench needs Linux's /proc): %w", err)
	}
	return m, nil
}

func (b *bench) add(figures ...Figure) {
	for _, f := range figures {
		f.Scenario = b.letter
		b.report.Figures = append(b.report.Figures, f)
		b.log("measured", "figure", f.Name, "n", f.N, "p50", round(f.P50), "unit", f.Unit)
	}
}

// complete fails when a figure that the scenario promises is missing.
func (r *Report) complete(s scenario) error {
	var missing []error
	for _, id := range s.figures {
		found := false
		for _, f := range r.Figures {
			if f.ID == id {
				found = true
				missing = append(missing, f.missing())
			}
		}
		if !found {
			missing = append(missing, fmt.Errorf("figure %s is missing", id))
		}
	}
	return errors.Join(missing...)
}

// memory adds the figure of the largest peak of any reactor of the run.
func (r *Report) memory() {
	peak := 0.
	for _, u := range r.Resources {
		if u.Process == "reactor" {
			peak = max(peak, u.PeakRSSMB)
		}
	}
	f := single("memory", "reactor's peak memory, all scenarios", "MB", peak, most(300)...)
	f.Scenario = ""
	r.Figures = append(r.Figures, f)
}

func (r *Report) save(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the report into %s: %w", path, err)
	}
	return nil
}

// show prints the figures, and below them the resources.
func (r *Report) show(out *cli.Output) error {
	var rows [][]any
	for _, f := range r.Figures {
		row := []any{f.Scenario, f.Name, f.Unit, f.N, round(f.P50), nil, nil, nil, "", ""}
		for i, v := range []*float64{f.P90, f.P99, f.Max} {
			if v != nil {
				row[5+i] = round(*v)
			}
		}
		var limits, ratios []string
		for _, b := range f.Budgets {
			sign := "≤"
			if b.AtLeast {
				sign = "≥"
			}
			limits = append(limits, fmt.Sprintf("%s %s %v", b.Of, sign, b.Limit))
			ratios = append(ratios, fmt.Sprintf("%.2f", b.Ratio))
		}
		row[8], row[9] = strings.Join(limits, ", "), strings.Join(ratios, ", ")
		rows = append(rows, row)
	}
	if err := out.Table([]string{"", "figure", "unit", "n", "p50", "p90", "p99", "max", "budget", "ratio"}, rows); err != nil {
		return err
	}
	if out.Format() == "json" {
		return nil // one array; the file of --json has the resources, too
	}
	rows = nil
	for _, u := range r.Resources {
		row := []any{u.Scenario, u.Part, u.Process, round(u.CPUSeconds), round(u.PeakRSSMB), nil, nil, nil, ""}
		if u.S3 != nil {
			row[5], row[6], row[7] = round(u.S3.all()), round(u.S3.ReceivedMB), round(u.S3.SentMB)
		}
		var upkeep []string
		for _, work := range slices.Sorted(maps.Keys(u.Upkeep)) {
			upkeep = append(upkeep, fmt.Sprintf("%v %s in %v s", u.Upkeep[work].N, work, round(u.Upkeep[work].Seconds)))
		}
		row[8] = strings.Join(upkeep, ", ")
		rows = append(rows, row)
	}
	if err := out.Table([]string{"", "while", "process", "cpu s", "peak MB", "S3 requests", "in MB", "out MB", "upkeep"}, rows); err != nil {
		return err
	}
	return r.showPeers(out)
}

// round keeps three digits or the whole number: more is noise.
func round(v float64) json.Number {
	switch {
	case v >= 100:
		return json.Number(strconv.FormatFloat(v, 'f', 0, 64))
	case v >= 10:
		return json.Number(strconv.FormatFloat(v, 'f', 1, 64))
	}
	return json.Number(strconv.FormatFloat(v, 'f', 2, 64))
}
