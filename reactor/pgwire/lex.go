package pgwire

import (
	"strings"
	"unicode"
)

// kind is what a token is.
type kind int

const (
	space     kind = iota // blanks and comments
	text                  // 'a', E'a', $$a$$
	quoted                // "a"
	word                  // a name, a keyword or a number
	parameter             // $1
	symbol                // one other character, or ::
)

// token is a piece of SQL. All tokens of a text, one after the other, are the text.
type token struct {
	kind kind
	text string
}

// is tells whether a token is a word, however it is written.
func (t token) is(name string) bool { return t.kind == word && strings.EqualFold(t.text, name) }

// lex cuts SQL into tokens. A text or comment that does not end goes to the end of the SQL; DuckDB will say so.
func lex(sql string) (all []token) {
	for len(sql) > 0 {
		k, n := first(sql)
		all = append(all, token{k, sql[:n]})
		sql = sql[n:]
	}
	return all
}

// first is the kind and the length of the first token.
func first(sql string) (kind, int) {
	c := sql[0]
	switch {
	case c == ' ', c == '\t', c == '\n', c == '\r', c == '\f':
		return space, 1
	case strings.HasPrefix(sql, "--"):
		return space, through(sql, 2, "\n")
	case strings.HasPrefix(sql, "/*"):
		return space, through(sql, 2, "*/")
	case c == '\'':
		return text, string1(sql, 1, '\'', false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(sql[1:], "'"):
		return text, string1(sql, 2, '\'', true)
	case c == '"':
		return quoted, string1(sql, 1, '"', false)
	case c == '$':
		return dollar(sql)
	case named(c):
		n := 1
		for n < len(sql) && (named(sql[n]) || sql[n] == '$') {
			n++
		}
		return word, n
	case strings.HasPrefix(sql, "::"):
		return symbol, 2
	}
	return symbol, 1
}

// named tells whether a byte can be part of a name or a number.
func named(c byte) bool {
	return c == '_' || c >= 0x80 || unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c))
}

// through is the length up to the end of what ends with mark.
func through(sql string, from int, mark string) int {
	if i := strings.Index(sql[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return len(sql)
}

// string1 is the length of a text in quotes, in which a quote is doubled, or escaped by a backslash.
func string1(sql string, from int, quote byte, backslash bool) int {
	for i := from; i < len(sql); i++ {
		switch {
		case backslash && sql[i] == '\\':
			i++
		case sql[i] == quote && i+1 < len(sql) && sql[i+1] == quote:
			i++
		case sql[i] == quote:
			return i + 1
		}
	}
	return len(sql)
}

// dollar reads $1, or a text between $tag$ and $tag$.
func dollar(sql string) (kind, int) {
	n := 1
	for n < len(sql) && named(sql[n]) {
		n++
	}
	if n > 1 && strings.Trim(sql[1:n], "0123456789") == "" {
		return parameter, n
	}
	if n < len(sql) && sql[n] == '$' {
		return text, through(sql, n+1, sql[:n+1])
	}
	return symbol, 1
}

// statements cuts a text at its semicolons and leaves out what is empty.
func statements(sql string) (all [][]token) {
	var one []token
	filled := false
	flush := func() {
		if filled {
			all = append(all, one)
		}
		one, filled = nil, false
	}
	for _, t := range lex(sql) {
		if t.kind == symbol && t.text == ";" {
			flush()
			continue
		}
		one, filled = append(one, t), filled || t.kind != space
	}
	flush()
	return all
}

// join is the text of tokens.
func join(all []token) string {
	var b strings.Builder
	for _, t := range all {
		b.WriteString(t.text)
	}
	return b.String()
}

// words are the tokens without blanks and comments, in lower case where they are words.
func words(all []token) (out []string) {
	for _, t := range all {
		switch t.kind {
		case space:
		case word:
			out = append(out, strings.ToLower(t.text))
		default:
			out = append(out, t.text)
		}
	}
	return out
}
