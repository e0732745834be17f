package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"pgregory.net/rapid"
)

// update writes the golden files anew: go test ./infra/cli -update
var update = flag.Bool("update", false, "write the golden files anew")

func TestTableFitsTheTerminalAndCutsNothing(t *testing.T) {
	var b bytes.Buffer
	out := NewOutput(&b, "table")
	out.width = 60
	key := "bronze/coincap/history/ingest_date=2025-06-01/bitcoin_d1_2025-06-01_0123456789ab.json"
	if err := out.Table([]string{"key", "n"}, [][]any{{key, 12}}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if width := text.StringWidth(strings.TrimRight(line, "\n")); width > 60 {
			t.Errorf("line of width %d: %s", width, line)
		}
	}
	var joined strings.Builder
	for line := range strings.Lines(b.String()) {
		if cells := strings.Split(line, "│"); len(cells) == 4 {
			joined.WriteString(strings.TrimSpace(cells[1]))
		}
	}
	if !strings.Contains(joined.String(), key) {
		t.Errorf("the key is cut:\n%s", &b)
	}
}

func TestTableShowsNoControlCharacters(t *testing.T) {
	var b bytes.Buffer
	if err := NewOutput(&b, "table").Table([]string{"name"}, [][]any{{"evil\x1b[2Jcoin"}}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsRune(b.String(), 0x1b) || !strings.Contains(b.String(), `evil\x1b[2Jcoin`) {
		t.Errorf("got %q", &b)
	}
}

// printed is what a table looks like on a terminal of that width; 0 is no terminal.
func printed(t *testing.T, width int, headers []string, rows [][]any) string {
	t.Helper()
	var b bytes.Buffer
	out := NewOutput(&b, "table")
	out.width = width
	if err := out.Table(headers, rows); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wideTables are the widest that the programs print, with values as they print them.
var wideTables = map[string]struct {
	headers []string
	rows    [][]any
}{
	"lineage": {
		[]string{"lineage", "rows", "others", "from", "to", "committed_at", "detail"},
		[][]any{
			{"row gold.rankings bitcoin 2026-01-31", nil, nil, nil, nil, at(1), "snapshot 8129366402910553921, events=2 run=r-20260131 step=412"},
			{"└ model gold.rankings", nil, nil, "2026-01-24", "2026-01-31", nil, "gold/models/rankings.sql, digest 1f0c3a77b9de"},
			{"└ rows gold.daily_summary", 8, 152, "2026-01-24", "2026-01-31", at(1), "snapshot 4410029918273645536, events=2 step=412"},
			{"· └ object bronze/coincap/history/ingest_date=2026-01-31/bitcoin_d1_2026-01-31_2026-01-31_0123456789ab.json", 1, nil, at(0), at(0), at(1),
				"done, from https://rest.coincap.io/v3/assets/bitcoin/history?end=1769903999999&interval=d1&start=1769817600000, fetched 2026-02-01T00:00:07.120Z"},
		},
	},
	"snapshots": {
		[]string{"snapshot", "committed_at", "operation", "added_rows", "deleted_rows", "total_rows", "refs", "made_by"},
		[][]any{
			{int64(8129366402910553921), at(0), "append", 20, 0, 7955, "day-2026-01-30", "events=1 step=411"},
			{int64(4410029918273645536), at(1), "overwrite", 21, 20, 7976, "day-2026-01-31 main", "events=2 run=r-20260131 step=412"},
			{int64(301), at(2), "replace", nil, nil, 7976, "", ""},
		},
	},
	"check": {
		[]string{"table", "rows", "digest", "missing", "excess", "equal", "cause", "made_by", "snapshot", "day", "first_wrong", "mends"},
		[][]any{
			{"gold.daily_summary", 7976, "f3a9d1be50c7", 0, 0, true, nil, nil, nil, nil, nil, nil},
			{"silver.rejected", 0, "", 0, 0, true, nil, nil, nil, nil, nil, nil},
		},
	},
	"tables": {
		[]string{"table", "snapshot", "committed_at", "rows", "files", "bytes", "snapshots"},
		[][]any{
			{"gold.daily_summary", int64(8129366402910553921), at(0), 7976, 14, 312204, 21},
			{"silver.rejected", nil, nil, 0, 0, 0, 0},
		},
	},
}

func at(hours int) time.Time {
	return time.Date(2026, 2, 1, hours, 0, 7, 120456e3, time.UTC)
}

func TestWideTablesAreReadableOnATerminal(t *testing.T) {
	for name, table := range wideTables {
		for _, width := range []int{0, 80, 120} {
			t.Run(fmt.Sprint(name, width), func(t *testing.T) {
				got := printed(t, width, table.headers, table.rows)
				for line := range strings.Lines(got) {
					if w := text.StringWidth(strings.TrimRight(line, "\n")); width > 0 && w > width {
						t.Errorf("a line of width %d: %s", w, line)
					}
				}
				golden := filepath.Join("testdata", fmt.Sprintf("%s_%d.txt", name, width))
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
			})
		}
	}
}

// On any terminal every line fits, whatever the values, and no character of a value is lost but blanks.
func TestEveryTableFitsAndLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zé日 /_=-]{0,60}`)
		columns := rapid.IntRange(1, 9).Draw(t, "columns")
		headers := make([]string, columns)
		for i := range headers {
			headers[i] = fmt.Sprintf("column_%d", i)
		}
		row := make([]any, columns)
		all := ""
		for i := range row {
			value := cell.Draw(t, "cell")
			row[i], all = value, all+value
		}
		width := rapid.IntRange(44, 200).Draw(t, "width")
		var b bytes.Buffer
		out := NewOutput(&b, "table")
		out.width = width
		if err := out.Table(headers, [][]any{row}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if w := text.StringWidth(strings.TrimRight(line, "\n")); w > width {
				t.Fatalf("a line of width %d on a terminal of %d:\n%s", w, width, &b)
			}
		}
		for _, r := range "éabcxyz日/=" {
			body := b.String()
			if want, got := strings.Count(all, string(r)), strings.Count(body, string(r)); got < want {
				t.Fatalf("%d of %d %c are left:\n%s", got, want, r, body)
			}
		}
	})
}

func TestWrapBreaksAtSeams(t *testing.T) {
	tests := []struct {
		cell  string
		width int
		want  string
	}{
		{"short", 10, "short"},
		{"two words", 5, "two|words"},
		{"bronze/coincap/assets/x.json", 16, "bronze/coincap/|assets/x.json"},
		{"2026-01-31T12:00:00Z", 12, "2026-01-31T|12:00:00Z"},
		{"2026-01-31", 6, "2026-0|1-31"},
		{"0123456789abcdef", 7, "0123456|789abcd|ef"},
		{"日本語", 4, "日本|語"},
		{"a\nb", 5, "a|b"},
		{"", 5, ""},
	}
	for _, tt := range tests {
		if got := strings.Join(wrap(tt.cell, tt.width), "|"); got != tt.want {
			t.Errorf("%q in %d columns is %q, want %q", tt.cell, tt.width, got, tt.want)
		}
	}
}
