package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"millrace/infra/cli"
)

// Comparison is one piece of work done by one system, beside the project's own figures for it.
type Comparison struct {
	ID     string  `json:"id"` // of the work
	Work   string  `json:"work"`
	System string  `json:"system"`
	N      int     `json:"n"`
	P50    float64 `json:"p50_s"`
	Max    float64 `json:"max_s"`
	// Cost is what one of the N took; the peak is that of all.
	Cost
	// Ratios compare with millrace: above 1, the system took more.
	Ratios *Ratios `json:"ratios,omitempty"`

	took []time.Duration
	cost Cost // of all together
}

// Ratios divide a system's figures by the project's.
type Ratios struct {
	P50    float64 `json:"p50"`
	CPU    float64 `json:"cpu"`
	Memory float64 `json:"memory"`
}

// works lists the ids of what is compared.
var works = []string{"rebuild-hourly", "rebuild", "cold", "warm", "live"}

// systems are millrace and the chosen peers.
func (b *bench) systems() []string {
	all := []string{own}
	for _, p := range b.chosen() {
		all = append(all, p.name)
	}
	return all
}

func comparedID(work, system string) string { return work + "-" + strings.ToLower(system) }

// measured notes what a system took for some work.
func (r *Report) measured(id, work, system string, took []time.Duration, cost Cost) {
	c := r.comparison(id, system)
	if c == nil {
		r.Peers = append(r.Peers, &Comparison{ID: id, Work: work, System: system})
		c = r.Peers[len(r.Peers)-1]
	}
	c.took = append(c.took, took...)
	c.cost.CPUSeconds += cost.CPUSeconds
	c.cost.MinIOCPUSeconds += cost.MinIOCPUSeconds
	c.cost.PeakMB = max(c.cost.PeakMB, cost.PeakMB)
}

func (r *Report) comparison(id, system string) *Comparison {
	for _, c := range r.Peers {
		if c.ID == id && c.System == system {
			return c
		}
	}
	return nil
}

// compare turns what was measured into figures and ratios. It fails when something is missing.
func (b *bench) compare() error {
	var missing []error
	for _, id := range works {
		base := b.report.comparison(id, own)
		for _, system := range b.systems() {
			c := b.report.comparison(id, system)
			if base == nil || c == nil {
				missing = append(missing, fmt.Errorf("figure %s is missing", comparedID(id, system)))
				continue
			}
			f := median(comparedID(id, system), c.Work+": "+system, "s", seconds(c.took))
			b.add(f)
			n := max(f.N, 1)
			c.N, c.P50 = f.N, f.P50
			if f.Max != nil {
				c.Max = *f.Max
			}
			c.Cost = Cost{c.cost.CPUSeconds / float64(n), c.cost.PeakMB, c.cost.MinIOCPUSeconds / float64(n)}
			if !(c.P50 > 0 && c.CPUSeconds > 0 && c.PeakMB > 0) {
				missing = append(missing, fmt.Errorf("figure %s took %v s, %v CPU s and %v MB", comparedID(id, system), c.P50, c.CPUSeconds, c.PeakMB))
			}
			c.Ratios = &Ratios{c.P50 / base.P50, c.CPUSeconds / base.CPUSeconds, c.PeakMB / base.PeakMB}
		}
	}
	return errors.Join(missing...)
}

func seconds(took []time.Duration) []float64 {
	all := make([]float64, len(took))
	for i, d := range took {
		all[i] = d.Seconds()
	}
	return all
}

// comparisonHeaders and comparisonRows make the table of comparisons, on the screen and in the README.
var comparisonHeaders = []string{"work", "system", "n", "p50 s", "max s", "cpu s", "peak MB", "minio cpu s", "× time", "× cpu", "× memory"}

func (r *Report) comparisonRows() [][]any {
	var rows [][]any
	for _, c := range r.Peers {
		if c.N == 0 {
			continue // the run failed before its end
		}
		row := []any{c.Work, c.System, c.N, round(c.P50), round(c.Max), round(c.CPUSeconds), round(c.PeakMB), round(c.MinIOCPUSeconds), nil, nil, nil}
		if c.Ratios != nil && c.System != own {
			row[8], row[9], row[10] = round(c.Ratios.P50), round(c.Ratios.CPU), round(c.Ratios.Memory)
		}
		rows = append(rows, row)
	}
	return rows
}

// showPeers prints the comparison, when there is one.
func (r *Report) showPeers(out *cli.Output) error {
	if len(r.Peers) == 0 {
		return nil
	}
	return out.Table(comparisonHeaders, r.comparisonRows())
}
