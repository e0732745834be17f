// Command bench measures the lakehouse from the outside: real MinIO, real NATS, the project's own programs, timed by what
// the catalog says and checked row by row afterwards. Every figure stands beside its budget; a figure that is missing or a
// row that is wrong makes the exit code 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millrace/infra/cli"
	"millrace/ingestor/coincap/market"
)

// app is the command line.
type app struct {
	Quick   bool     `help:"Small sizes: shows that everything works, in three to four minutes; its figures are no proof."`
	Only    []string `placeholder:"LETTER,…" help:"Only these scenarios."`
	JSON    string   `name:"json" type:"path" placeholder:"FILE" help:"Write the report into this file, too."`
	Keep    bool     `help:"Keep the report of a full run in tests/bench/results, and its comparison with the peers in their README."`
	Plot    string   `type:"path" placeholder:"FILE" help:"Draw scenario f into this SVG file."`
	Bin     string   `type:"existingdir" default:".bin" help:"Folder of the programs under test."`
	MinIO   string   `name:"minio" type:"existingfile" env:"MILLRACE_MINIO" placeholder:"FILE" help:"MinIO's program (default: minio in the folder of programs)."`
	Commits int      `default:"10000" help:"Of silver, for scenario f, more than 100: 100,000 of them take an hour and a half."`
	Rows    int      `default:"2000000" help:"Of each object of scenario d."`
	Forms   []string `default:"ndjson,ndjson.gz,parquet" placeholder:"EXT,…" help:"Of the objects of scenario d, one after the other."`
	Peers   []string `default:"duckdb,pyiceberg,pyspark" placeholder:"NAME,…" help:"What scenario p compares millrace with."`
	Seed    uint64   `default:"1" help:"Of the made-up prices."`
}

// Help lists the scenarios and shows an example.
func (app) Help() string {
	var b strings.Builder
	b.WriteString("Scenarios, each on a lake of its own:\n\n")
	for _, s := range scenarios {
		fmt.Fprintf(&b, "  %s  %s\n", s.letter, s.about)
	}
	b.WriteString("\nExample:\n\n  go tool task bench -- --quick --only a,c")
	return b.String()
}

// scenario measures some figures; figures lists the ids of those that must come of it.
type scenario struct {
	letter, about string
	asked         bool // runs only when --only names it: it needs more than the project does, or minutes to make its lake
	figures       []string
	promises      bool // run itself says which figures must come: flags decide
	run           func(context.Context, *bench) error
}

// scenarios run in this order: the short ones first.
var scenarios = []scenario{latency, burst, late, rebuild, large, start, growth, replay, loads, consoles, sideBySide, floor}

// Validate refuses letters that mean nothing.
func (a app) Validate() error {
	if a.Keep && a.Quick {
		return errors.New("--keep --quick: a quick run's figures are no proof, so they are not kept")
	}
	if a.Commits <= 100 {
		return fmt.Errorf("--commits %d: scenario f compares with the 100th, so there must be more", a.Commits)
	}
	for _, letter := range a.Only {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.letter == letter }) {
			return fmt.Errorf("--only %s: there is no such scenario, --help lists them", letter)
		}
	}
	for _, ext := range a.Forms {
		if forms[ext] == nil {
			return fmt.Errorf("--forms %s: known are ndjson, ndjson.gz and parquet", ext)
		}
	}
	if len(a.Peers) == 0 {
		return errors.New("--peers names none: leave it out for all of them")
	}
	for _, name := range a.Peers {
		if !slices.ContainsFunc(peers, func(p peer) bool { return p.id() == name }) {
			return fmt.Errorf("--peers %s: known are duckdb, pyiceberg and pyspark", name)
		}
	}
	return nil
}

func main() {
	cli.Main(&app{}, "bench", "How fast millrace is, on real parts, with every row checked.")
}

// bench is one run.
type bench struct {
	app
	market *market.Market
	dir    string    // everything that the run leaves on disk, removed at its end
	now    time.Time // of all prices
	report *Report
	letter string // of the scenario that runs
	// letters name the scenarios that came to their end.
	letters []string
}

// Run runs the scenarios one after the other. When one fails, the others' figures stay.
func (a app) Run(ctx context.Context, out *cli.Output) (err error) {
	b := &bench{app: a, now: time.Now().UTC().Truncate(time.Second)}
	if b.Bin, err = filepath.Abs(a.Bin); err != nil {
		return fmt.Errorf("find the programs under test: %w", err)
	}
	if b.MinIO == "" {
		b.MinIO = filepath.Join(b.Bin, "minio")
	}
	for _, program := range []string{filepath.Join(b.Bin, "stack"), filepath.Join(b.Bin, "ingestor"), filepath.Join(b.Bin, "reactor"), b.MinIO} {
		if _, err := os.Stat(program); err != nil {
			return fmt.Errorf("find a program under test: %w: `go tool task bench` builds them first", err)
		}
	}
	if b.market, err = market.New(a.Seed); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "millrace-bench-"); err != nil {
		return fmt.Errorf("make a folder for the run: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.report, err = newReport(ctx, a); err != nil {
		return err
	}
	failure := b.all(ctx)
	b.report.End = time.Now().UTC().Truncate(time.Second)
	err = errors.Join(b.report.show(out), b.report.save(a.JSON), b.report.plot(a.Plot), failure)
	if err == nil && a.Keep {
		err = b.report.keep(b.letters)
	}
	return err
}

func (b *bench) all(ctx context.Context) error {
	var failed []error
	for _, s := range scenarios {
		if named := slices.Contains(b.Only, s.letter); !named && (s.asked || len(b.Only) > 0) {
			continue
		}
		b.letter = s.letter
		started := time.Now()
		b.log("begins", "about", s.about)
		err := s.run(ctx, b)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			err = b.report.complete(s)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("scenario %s (%s): %w", s.letter, s.about, err))
			b.log("failed", "error", err.Error())
			continue
		}
		b.letters = append(b.letters, s.letter)
		b.log("done, all rows are right", "took", time.Since(started).Round(time.Second).String())
	}
	b.report.memory()
	return errors.Join(failed...)
}

// log tells on stderr how far the run is.
func (b *bench) log(text string, args ...any) {
	slog.Info(text, append([]any{"scenario", b.letter}, args...)...)
}

// size chooses the full size, or the quick run's.
func (b *bench) size(full, quick int) int {
	if b.Quick {
		return quick
	}
	return full
}

// full drops the budgets of a quick run: there the start weighs more than the work.
func (b *bench) full(budgets []Budget) []Budget {
	if b.Quick {
		return nil
	}
	return budgets
}
