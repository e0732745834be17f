package cli

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// landApp is a program with a command whose keys a script wants.
type landApp struct {
	Land landCommand `cmd:"" help:"Lands."`
}

type landCommand struct {
	Dry bool `help:"Only say what it costs."`
}

func (*landCommand) Help() string         { return "Example:\n\n    test land" }
func (*landCommand) ScriptColumn() string { return "key" }

func (c *landCommand) Run(out *Output) error {
	if c.Dry {
		return out.Table([]string{"calls"}, [][]any{{41}})
	}
	return out.Table([]string{"outcome", "key"}, [][]any{{"put", "bronze/a b.json"}, {"no data", nil}, {"put", "bronze/é.json"}})
}

func TestAScriptGetsTheColumnAlone(t *testing.T) {
	tests := []struct {
		name string
		env  string
		args []string
		want string
	}{
		{"a pipe", "", nil, "bronze/a b.json\nbronze/é.json\n"},
		{"another result", "", []string{"--dry"}, "│ calls │"},
		{"--output", "", []string{"--output", "csv"}, "outcome,key\nput,bronze/a b.json\n"},
		{"--output table", "", []string{"-o", "table"}, "│ put     │ bronze/a b.json │"},
		{"--output auto", "table", []string{"--output", "auto"}, "bronze/a b.json\nbronze/é.json\n"},
		{"MILLRACE_OUTPUT", "json", nil, `{"outcome": "put", "key": "bronze/a b.json"}`},
		{"--help", "", []string{"--help"}, "When stdout is not a terminal and no --output is given, only the column key is printed, one a line."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env != "" {
				t.Setenv("MILLRACE_OUTPUT", tt.env)
			}
			var stdout, stderr bytes.Buffer
			p := program{app: &landApp{}, name: "test", description: "Tests.", stdout: &stdout, stderr: &stderr}
			if code := p.run(context.Background(), append([]string{"land"}, tt.args...)); code != 0 {
				t.Fatalf("exit code %d: %s", code, &stderr)
			}
			got := stdout.String()
			if tt.name == "--help" {
				got = strings.Join(strings.Fields(got), " ") // it is wrapped
			}
			if strings.HasPrefix(tt.want, "bronze/") && got != tt.want || !strings.Contains(got, tt.want) {
				t.Errorf("printed %q, want %q", got, tt.want)
			}
		})
	}
}

func TestACommandThatIsNotScriptedPrintsItsTableIntoAPipe(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := program{app: &testApp{}, name: "test", description: "Tests.", stdout: &stdout, stderr: &stderr}
	if code := p.run(context.Background(), []string{"count", "--to", "1"}); code != 0 || !strings.Contains(stdout.String(), "│ n │ none │") {
		t.Errorf("exit code %d, printed %q", code, &stdout)
	}
	if out := newOutput(&stdout, &stderr, Format{Output: formAuto}, ""); out.Format() != "table" {
		t.Errorf("without --output the form is %s", out.Format())
	}
}

type warnedApp struct {
	Go warnedCommand `cmd:"" help:"Goes."`
}

// warning is a group of flags that has something to say.
type warning struct {
	Text string `help:"The warning."`
}

func (w warning) Notice() string { return w.Text }

type warnedCommand struct{ warning }

func (warnedCommand) Run() error { return nil }

func TestANoticeIsLoggedBeforeTheCommand(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	for _, text := range []string{"", "another home answers"} {
		var stdout, stderr bytes.Buffer
		p := program{app: &warnedApp{}, name: "test", description: "Tests.", stdout: &stdout, stderr: &stderr}
		if code := p.run(context.Background(), []string{"go", "--text", text}); code != 0 {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		if logged := strings.Contains(stderr.String(), `"level":"WARN"`); logged != (text != "") || !strings.Contains(stderr.String(), text) {
			t.Errorf("notice %q: stderr is %q", text, &stderr)
		}
	}
}

func TestColumnsIsTheWidthThatTheUserSet(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	for columns, want := range map[string]int{"80": 80, "": 0, "wide": 0, "-1": 0} {
		if got := terminalWidth(w, columns); got != want {
			t.Errorf("COLUMNS=%s: width %d, want %d", columns, got, want)
		}
	}
	// A pipe is no terminal: COLUMNS, which some shells export, cuts nothing there.
	t.Setenv("COLUMNS", "40")
	if out := newOutput(w, w, Format{Output: formAuto}, ""); out.width != 0 {
		t.Errorf("width of a pipe is %d", out.width)
	}
}
