package pgwire

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTokensAreTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"'", `"`, "$", "$1", "$$", "$a$", "--", "\n", "/*", "*/", ";", "::", " ", "a", "é", "E'", `\`, "(", "select", "1.5", ","})).Draw(t, "parts")
		sql := strings.Join(parts, "")
		if got := join(lex(sql)); got != sql {
			t.Fatalf("%q became %q", sql, got)
		}
	})
}

func TestStatementsEndAtSemicolonsThatAreNoText(t *testing.T) {
	for sql, want := range map[string][]string{
		"":                                    nil,
		" ; ;-- nothing; here\n":              nil,
		"select 1; select 2;":                 {"select 1", " select 2"},
		"select ';', \"a;b\", $$;$$, $x$;$x$": {"select ';', \"a;b\", $$;$$, $x$;$x$"},
		"select 'it''s;'; /* ; */ select E'\\';'": {"select 'it''s;'", " /* ; */ select E'\\';'"},
	} {
		var got []string
		for _, one := range statements(sql) {
			got = append(got, join(one))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
}

func TestQuestionsOfClientsBecomeDuckDBs(t *testing.T) {
	for sql, want := range map[string]string{
		"select 'pg_catalog.x', \"pg_catalog\" from gold.rankings":                "select 'pg_catalog.x', \"pg_catalog\" from gold.rankings",
		"select * from pg_catalog.pg_class":                                       "select * from pg_class",
		"where a OPERATOR(pg_catalog.~) '^(b)$' COLLATE pg_catalog.default and c": "where a  ~  '((b))'  and c",
		"where n !~ '^pg_'":                       "where n !~ '(pg_).*'",
		"where n ~ 'x'":                           "where n ~ '.*(x).*'",
		"select 'gold.a'::pg_catalog.regclass":    "select to_regclass('gold.a')",
		"select x::pg_catalog.regtype":            "select x::regtype",
		"select * from information_schema.Tables": "select * from pg.information_Tables",
		"show server_version":                     `select '15.0 (millrace)' as "server_version"`,
		"SHOW TRANSACTION ISOLATION LEVEL":        `select 'repeatable read' as "transaction_isolation"`,
		"show tables":                             "show tables",
	} {
		if got := rewrite(lex(sql)); got != want {
			t.Errorf("%s became %s, want %s", sql, got, want)
		}
	}
}
