package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type testApp struct {
	Count countCommand `cmd:"" help:"Counts."`
	Fail  failCommand  `cmd:"" help:"Fails."`
	Wrong wrongCommand `cmd:"" help:"Finds its usage wrong."`
}

type countCommand struct {
	To int `name:"to" required:"" help:"Last number."`
}

func (countCommand) Help() string { return "Example:\n\n    test count --to 3" }

func (c countCommand) Run(ctx context.Context, out *Output) error {
	if ctx == nil {
		return errors.New("no context")
	}
	rows := [][]any{}
	for n := range c.To {
		rows = append(rows, []any{n + 1, nil})
	}
	return out.Table([]string{"n", "none"}, rows)
}

type failCommand struct {
	Advised bool `help:"Fail with advice."`
}

type advised struct{ error }

func (advised) Advice() string { return "put it back" }

func (c failCommand) Run() error {
	gone := errors.New("it is gone")
	if c.Advised {
		gone = advised{gone}
	}
	return fmt.Errorf("read the thing: %w", gone)
}

type wrongCommand struct{}

func (wrongCommand) Run() error { return Usage("--from is after --to") }

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"done", []string{"count", "--to", "1", "-o", "csv"}, 0, "n,none\n1,\n", ""},
		{"failed", []string{"fail"}, 1, "", "read the thing: it is gone"},
		{"failed with advice", []string{"fail", "--advised"}, 1, "", `"advice":"put it back"`},
		{"no command", nil, 2, "", "test --help"},
		{"unknown flag", []string{"count", "--too", "1"}, 2, "", "unknown flag --too"},
		{"missing flag", []string{"count"}, 2, "", "See test count --help"},
		{"bad format", []string{"count", "--to", "1", "-o", "xml"}, 2, "", "must be one of"},
		{"bad level", []string{"count", "--to", "1", "--log-level", "loud"}, 2, "", "log-level"},
		{"usage found late", []string{"wrong"}, 2, "", "--from is after --to"},
		{"help", []string{"count", "--help"}, 0, "test count --to 3", ""},
		{"as data", []string{"--describe"}, 0, `"name": "count"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			p := program{app: &testApp{}, name: "test", description: "Tests.", stdout: &stdout, stderr: &stderr}
			code := p.run(context.Background(), tt.args)
			if code != tt.code {
				t.Errorf("exit code %d, want %d; stderr: %s", code, tt.code, &stderr)
			}
			if !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("stdout %q, stderr %q; want %q and %q in them", &stdout, &stderr, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestFirstSignalCancelsSecondAborts(t *testing.T) {
	aborted := make(chan int, 1)
	ctx, stop := withSignals(context.Background(), func(code int) { aborted <- code })
	defer stop()
	for range 2 {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
			t.Fatal("the first signal did not cancel")
		}
	}
	select {
	case code := <-aborted:
		if code != 130 {
			t.Errorf("aborted with %d", code)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the second signal did not abort")
	}
	if cause := context.Cause(ctx); !strings.Contains(cause.Error(), "signal") {
		t.Errorf("cause is %v", cause)
	}
}

var sampleRow = []any{"a,\"b\"\n", 1, 2.5e-9, nil, time.Date(2025, 6, 1, 12, 0, 0, 5e6, time.FixedZone("x", 3600)), true, []string{"x"}, 4e11}
var sampleHeaders = []string{"z", "int", "float", "null", "time", "bool", "list", "big"}

func TestAStoppedCommandNamesTheSignal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cut := fmt.Errorf("insert into incoming: %w", context.Canceled)
	if err := stopped(ctx, cut); !errors.Is(err, cut) {
		t.Errorf("no signal came: %v", err)
	}
	cancel(errors.New("stopped by signal: interrupt"))
	if err := stopped(ctx, cut); err.Error() != "stopped by signal: interrupt" {
		t.Errorf("a signal came: %v", err)
	}
	other := errors.New("the tables are not what bronze gives")
	if err := stopped(ctx, other); !errors.Is(err, other) {
		t.Errorf("another error: %v", err)
	}
	if err := stopped(ctx, nil); err != nil {
		t.Errorf("an orderly end: %v", err)
	}
}

func TestJSONKeepsColumnOrderAndTypes(t *testing.T) {
	var b bytes.Buffer
	if err := NewOutput(&b, "json").Table(sampleHeaders, [][]any{sampleRow, sampleRow}); err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(b.Bytes(), &rows); err != nil {
		t.Fatalf("not JSON: %v in %s", err, &b)
	}
	want := `{"z": "a,\"b\"\n", "int": 1, "float": 0.0000000025, "null": null, "time": "2025-06-01T11:00:00.005Z", "bool": true, "list": ["x"], "big": 400000000000}`
	if !strings.Contains(b.String(), want) || len(rows) != 2 {
		t.Errorf("got %s, want twice %s", &b, want)
	}
}

func TestJSONOfNoRowsIsAnEmptyArray(t *testing.T) {
	var b bytes.Buffer
	if err := NewOutput(&b, "json").Table([]string{"a"}, nil); err != nil || b.String() != "[]\n" {
		t.Errorf("got %q, %v", &b, err)
	}
}

func TestCSVReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zé,"\n ]{0,10}`)
		rows := rapid.SliceOf(rapid.Custom(func(t *rapid.T) []any { return []any{cell.Draw(t, "a"), cell.Draw(t, "b")} })).Draw(t, "rows")
		var b bytes.Buffer
		if err := NewOutput(&b, "csv").Table([]string{"a", "b"}, rows); err != nil {
			t.Fatal(err)
		}
		back, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(back) != len(rows)+1 {
			t.Fatalf("read %d lines back, %v", len(back), err)
		}
		for i, row := range rows {
			if back[i+1][0] != row[0] || back[i+1][1] != row[1] {
				t.Fatalf("wrote %q, read %q", row, back[i+1])
			}
		}
	})
}

func TestRowsEndAtTheFirstError(t *testing.T) {
	broken := errors.New("connection lost")
	for _, format := range []string{"table", "json", "csv"} {
		err := NewOutput(&bytes.Buffer{}, format).Rows([]string{"a"}, func(yield func([]any, error) bool) {
			_ = yield([]any{1}, nil) && yield(nil, broken)
		})
		if !errors.Is(err, broken) {
			t.Errorf("%s: error is %v", format, err)
		}
		if err := NewOutput(&bytes.Buffer{}, format).Table([]string{"a"}, [][]any{{1, 2}}); err == nil {
			t.Errorf("%s: a row of another length is no error", format)
		}
	}
}

func TestProgressIsSilentWithoutATerminal(t *testing.T) {
	var stderr bytes.Buffer
	out := newOutput(&bytes.Buffer{}, &stderr, Format{Output: "table"}, "")
	bar := out.Progress(3, "history")
	bar.Add(2)
	bar.Done()
	if stderr.Len() != 0 {
		t.Errorf("stderr got %q", &stderr)
	}
}
