// Package infer proposes a definition for objects whose form nobody has written down: where the rows are, the types of their values,
// which one is the time, and what tells rows apart. It says in comments what it is unsure of. It is a proposal: a person reads it.
package infer

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Sample is one object: JSON values, each a whole payload, or a row where Lines.
type Sample struct {
	Name   string
	Values []jsontext.Value
	// Lines: each value is a row, as in ndjson and Parquet.
	Lines bool
	// Misnamed: the lines are in an object whose name says that it is one payload.
	Misnamed bool
}

const (
	// maxRows of all samples are looked at.
	maxRows = 20_000
	// maxValues of a file of lines.
	maxValues = maxRows
	// maxLeaves is how many values of a row get a column; the rest stays in extra.
	maxLeaves = 200
)

// Values reads the JSON values of a text, one after the other.
func Values(text []byte) ([]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))), jsontext.AllowDuplicateNames(true))
	var all []jsontext.Value
	for len(all) < maxValues {
		v, err := d.ReadValue()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		all = append(all, v.Clone())
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("it is empty")
	}
	return all, nil
}

// Propose writes a definition of the dataset.
func Propose(name string, samples []Sample) (string, error) {
	p := &proposal{name: name}
	if err := p.findRows(samples); err != nil {
		return "", err
	}
	for _, s := range samples {
		p.read(s)
	}
	if p.rows == 0 {
		return "", fmt.Errorf("infer %s: there is no row in the samples: take an answer that has some", name)
	}
	p.settle()
	p.chooseTime()
	p.chooseKey()
	return p.yaml(), nil
}

// proposal is what is known so far.
type proposal struct {
	name string
	// at is the path to the rows, star that every list there has some, and list that a row is a list.
	at         []string
	star, list bool
	one        bool // a payload is one object, which is the row
	rows       int
	leaves     []*leaf
	byPath     map[string]*leaf
	around     []*leaf // the values beside the rows
	dropped    int
	time       *leaf
	key        []string
	notes      []string
	others     []string // other candidates of the key
	objects    int
	members    []member
}

// member is the value of one leaf in one row, for the search of a key.
type member struct {
	row  int
	leaf *leaf
	text string
}

func (p *proposal) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// word makes a column's name of a path.
func word(path string) string {
	var b strings.Builder
	lower := false
	for _, c := range path {
		switch {
		case c >= 'A' && c <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(c + 'a' - 'A')
			lower = false
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
			lower = true
		default:
			if b.Len() > 0 && !strings.HasSuffix(b.String(), "_") {
				b.WriteByte('_')
			}
			lower = false
		}
	}
	name := strings.Trim(b.String(), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "value_" + name
	}
	return strings.TrimRight(name, "_")
}
