package infer

import (
	"fmt"
	"slices"
	"strings"

	"millrace/reactor/silver/definition"
)

// settle gives each leaf its type and a name of its own.
func (p *proposal) settle() {
	p.untangle()
	taken := map[string]bool{"observed_at": true, "extra": true, "source_key": true, "source_version": true, "source_row": true, "source_modified_at": true, "ingest_date": true}
	for _, l := range p.leaves {
		l.settleType()
		base := l.column
		if definition.Reserved(base) {
			base += "_value"
		}
		for n := 1; ; n++ {
			if l.column = base; n > 1 {
				l.column = fmt.Sprintf("%s_%d", base, n)
			}
			if !taken[l.column] {
				break
			}
		}
		taken[l.column] = true
	}
	for _, l := range p.around {
		l.settleType()
	}
}

// untangle keeps one of a value and what is inside of it: the members where the value is an object or null, else the value.
func (p *proposal) untangle() {
	drop := map[*leaf]bool{}
	for _, l := range p.leaves {
		for _, other := range p.leaves {
			if l.path == "" || !strings.HasPrefix(other.path, l.path+".") && !strings.HasPrefix(other.path, l.path+"[") {
				continue
			}
			if len(l.values) == 0 {
				drop[l] = true
			} else {
				drop[other] = true
				l.mixed = true
			}
		}
	}
	p.leaves = slices.DeleteFunc(p.leaves, func(l *leaf) bool { return drop[l] })
}

// otherTimes are words of times that are not the row's own: some are years away from it, and a row from the future is refused.
var otherTimes = []string{"birth", "born", "expir", "deadline", "end_", "until", "valid_to", "due", "license"}

// deeper is how much less likely a value is for each object that it is inside of: that is about something else.
const deeper = 20

// timeRank says how likely a leaf is the time of the row; the least is the best.
func timeRank(l *leaf) int {
	rank := 50
	for i, w := range []string{"timestamp", "time", "observed", "open_time", "ts", "t", "date", "datetime", "created", "created_at", "updated", "updated_at", "last_updated", "at"} {
		if l.column == w || strings.HasSuffix(l.column, "_"+w) {
			rank = i
			break
		}
	}
	if slices.ContainsFunc(otherTimes, func(w string) bool { return strings.Contains(l.column+"_", w) }) {
		rank += 100
	}
	return rank + deeper*strings.Count(l.path, ".")
}

// chooseTime picks the row's time: one that every row has, else one around the rows, else the object must say.
func (p *proposal) chooseTime() {
	candidates := func(leaves []*leaf, rows int) (times []*leaf) {
		for _, l := range leaves {
			if (strings.HasPrefix(l.typ, "time") || l.typ == "date") && len(l.values) > 0 && (rows == 0 || l.seen-l.nulls == rows) {
				times = append(times, l)
			}
		}
		slices.SortStableFunc(times, func(a, b *leaf) int { return timeRank(a) - timeRank(b) })
		return times
	}
	times := candidates(p.leaves, p.rows)
	if len(times) == 0 {
		if beside := candidates(p.around, 0); len(beside) > 0 && len(p.at) > 0 {
			p.time = &leaf{path: beside[0].path, typ: beside[0].typ, column: "around", doubt: "the time beside the rows: no time is in every row"}
			return
		}
		p.time = &leaf{column: "nowhere", doubt: "no time was found: a row's time is the day of its object (ingest_date in the key); name the path of a time if there is one"}
		return
	}
	p.time = times[0]
	for _, l := range times[1:] {
		p.note("observed_at is %s; %s is a time as well.", p.time.path, l.path)
	}
}

// chooseKey finds few columns that, with the time, tell all rows apart.
func (p *proposal) chooseKey() {
	search := keySearch{p: p, texts: map[*leaf][]string{}}
	for _, m := range p.members {
		if search.texts[m.leaf] == nil {
			search.texts[m.leaf] = make([]string, p.rows+1)
		}
		search.texts[m.leaf][m.row] = m.text
	}
	found := search.run()
	if len(found) == 0 {
		p.note("No key was found that tells the rows of the samples apart: with observed_at alone, later rows of one time replace earlier ones.")
	} else {
		for _, l := range found[0] {
			p.key = append(p.key, l.column)
		}
		for _, other := range found[1:min(len(found), 1+maxOthers)] {
			p.others = append(p.others, other[0].column)
		}
	}
	if p.star && !slices.Contains(p.key, "list_name") {
		p.key = append(p.key, "list_name")
	}
	p.key = append(p.key, "observed_at")
	if len(p.key) == 1 && len(found) > 0 {
		p.timeAlone()
	}
	if p.rows < fewRows {
		p.note("Of so few rows the key is a guess by the names of columns.")
	}
}

// timeAlone warns of a key that does not say what the rows are of, as in candles of one pair of coins.
func (p *proposal) timeAlone() {
	var fields []string
	for _, l := range p.around {
		if l.typ == "text" && len(l.values) > 0 && len(fields) < maxOthers {
			fields = append(fields, fmt.Sprintf("{column: %s, type: text, required: true, from: {envelope: %s}}", word(l.path[strings.LastIndexByte(l.path, '.')+1:]), quoted(l.path)))
		}
	}
	if fields == nil {
		fields = []string{"{column: asked_for, type: text, required: true, from: {metadata: asked-for}}, with such user metadata on each object,"}
	}
	p.note("The key is the time alone: rows of another answer, say for another coin or city, would replace these. Unless there is none, make a field of %s and put it into the key.",
		strings.Join(fields, " or of "))
}

// maxOthers candidates of the key are named; one payload of GitHub has dozens.
const maxOthers = 3

// fewRows show no key: nearly each column is different in each of them.
const fewRows = 3

// keySearch tries columns as a key.
type keySearch struct {
	p     *proposal
	texts map[*leaf][]string // by row
}

// run returns the keys that will do, the likeliest first: a column that is named as one, none beside the time, else one or two
// others.
func (k keySearch) run() (found [][]*leaf) {
	able := k.able()
	for _, l := range able {
		if keyRank(l) < noKey && k.unique(l) {
			found = append(found, []*leaf{l})
		}
	}
	if len(found) > 0 {
		return found
	}
	if k.unique() {
		return [][]*leaf{nil}
	}
	able = able[:min(len(able), 20)]
	for _, l := range able {
		if k.unique(l) {
			return [][]*leaf{{l}}
		}
	}
	for i, l := range able {
		for _, other := range able[i+1:] {
			if k.unique(l, other) {
				return [][]*leaf{{l, other}}
			}
		}
	}
	return nil
}

// able are the columns that every row has, of types that tell rows apart. A required text may not be empty.
func (k keySearch) able() (able []*leaf) {
	for _, l := range k.p.leaves {
		if l != k.p.time && !l.empty && l.seen-l.nulls == k.p.rows && slices.Contains([]string{"text", "integer", "long", "date"}, l.typ) && k.texts[l] != nil {
			able = append(able, l)
		}
	}
	slices.SortStableFunc(able, func(a, b *leaf) int { return keyRank(a) - keyRank(b) })
	return able
}

// unique tells whether columns and the time are never the same in two rows.
func (k keySearch) unique(set ...*leaf) bool {
	seen := map[string]bool{}
	for row := 1; row <= k.p.rows; row++ {
		var b strings.Builder
		for _, l := range append(set, k.p.time) {
			if list := k.texts[l]; list != nil {
				b.WriteString(list[row])
			}
			b.WriteByte(0)
		}
		if seen[b.String()] {
			return false
		}
		seen[b.String()] = true
	}
	return true
}

// keyWords are names of what tells rows apart, the likeliest first.
var keyWords = []string{"list_name", "id", "uuid", "guid", "oid", "key", "code", "symbol", "pair", "slug", "ticker", "sku", "name"}

// noKey is the rank of a column that is not named as part of a key.
const noKey = 1000

// keyRank says how likely a column is part of a key by its name: its own id before that of another thing, and before one inside of it.
func keyRank(l *leaf) int {
	for i, w := range keyWords {
		switch {
		case l.column == w:
			return i + deeper*strings.Count(l.path, ".")
		case strings.HasSuffix(l.column, "_"+w):
			return len(keyWords) + i + deeper*strings.Count(l.path, ".")
		}
	}
	return noKey
}
