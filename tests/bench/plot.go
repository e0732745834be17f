package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-analyze/charts"
)

// plot draws scenario f into an SVG file: the latencies over the number of commits.
func (r *Report) plot(path string) error {
	if path == "" {
		return nil
	}
	series := map[string][]float64{}
	names := []string{"silver p50", "silver p99", "gold p50", "gold p99"}
	var commits []string
	for _, f := range r.Figures {
		rest, isGrowth := strings.CutPrefix(f.ID, "growth-")
		table, n, ok := strings.Cut(rest, "-")
		if !isGrowth || !ok || f.P99 == nil {
			continue
		}
		series[table+" p50"] = append(series[table+" p50"], f.P50)
		series[table+" p99"] = append(series[table+" p99"], *f.P99)
		if table == "silver" {
			commits = append(commits, n)
		}
	}
	if len(commits) == 0 {
		return errors.New("--plot draws scenario f, which did not run: add f to --only")
	}
	var lines [][]float64
	for _, name := range names {
		lines = append(lines, series[name])
	}
	p, err := charts.LineRender(lines,
		charts.SVGOutputOptionFunc(),
		charts.TitleTextOptionFunc("PUT → table, ms, by commits of silver before"),
		charts.XAxisLabelsOptionFunc(commits),
		charts.LegendOptionFunc(charts.LegendOption{SeriesNames: names, Offset: charts.OffsetStr{Top: "30"}}),
		charts.PaddingOptionFunc(charts.Box{Top: 16, Right: 24, Bottom: 16, Left: 16, IsSet: true}),
		charts.DimensionsOptionFunc(720, 400),
	)
	if err != nil {
		return fmt.Errorf("draw scenario f: %w", err)
	}
	svg, err := p.Bytes()
	if err == nil {
		err = os.WriteFile(path, svg, 0o644)
	}
	if err != nil {
		return fmt.Errorf("draw scenario f into %s: %w", path, err)
	}
	return nil
}
