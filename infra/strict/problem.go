// Package strict reads YAML files that people write. What a file may not say is refused, with line, column and advice. The list of
// keys that a mapping takes makes the JSON Schema that editors check the file with, too.
package strict

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is what is wrong at one place of a file.
type Problem struct {
	Line, Column int
	Text         string
}

func (p Problem) String() string { return fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Text) }

// Problems of one file, in its order.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Sort puts the problems in the order of the file.
func (p Problems) Sort() {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
}

// In names the file in each line, as editors and terminals follow it: file:line:column: text.
func (p Problems) In(file string) error {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = file + ":" + one.String()
	}
	return errors.New(strings.Join(lines, "\n"))
}
