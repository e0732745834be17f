package gold

import (
	"strings"
	"testing"
)

const documented = head + "-- column: asset_id the slug\n-- column: close what it closed at [USD]\n"

func TestAColumnsCommentIsInTheSchemaAndNotInTheDigest(t *testing.T) {
	load := func(text string) *Model {
		t.Helper()
		s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"mine.sql": text}))
		if err != nil {
			t.Fatal(err)
		}
		m, _ := s.Model("gold.mine")
		return m
	}
	const sql = "-- what it is for\nselect asset_id, day, close from gold.daily_summary"
	plain, commented := load(head+sql), load(documented+sql)
	if plain.Digest != commented.Digest {
		t.Error("a comment on a column would rebuild the table")
	}
	const licence = "-- Copyright: nobody's\n/* none\n*/\n\n"
	if load(licence+head+sql).Digest != load(licence+documented+sql).Digest {
		t.Error("behind a licence, a comment on a column would rebuild the table")
	}
	if other := load(documented + strings.Replace(sql, "what it is for", "-- column: close", 1)); other.Digest == plain.Digest {
		t.Error("a comment outside the header counts as a column's")
	}
	// A model that reads all days once lost its comments.
	for _, m := range []*Model{commented, load(strings.Replace(documented, "lookback: 0 days", "lookback: all", 1) + sql)} {
		var docs []string
		for _, f := range m.Schema().Fields() {
			docs = append(docs, f.Doc)
		}
		if got := strings.Join(docs, "|"); got != "the slug||what it closed at [USD]" {
			t.Errorf("comments in the schema, with lookback %d: %s", m.Lookback, got)
		}
	}
}

func TestACommentOnNoColumnIsRefused(t *testing.T) {
	const sql = "select asset_id, day, close from gold.daily_summary"
	for _, c := range []struct{ name, line, want string }{
		{"no meaning", "-- column: close", `the line "-- column: close" documents no column: write for example`},
		{"no name", "-- column: ", "documents no column"},
		{"another column", "-- column: open what it opened at", "documents the column open, which the model does not select"},
		{"a column twice", "-- column: close one\n-- column: close other", "documents the column close twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"m.sql": head + c.line + "\n" + sql}))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := readAudit("a.sql", "-- audit: a\n-- of: gold.rankings\n-- column: day UTC day\nselect 1"); err == nil {
		t.Error("an audit documents a column")
	}
}
