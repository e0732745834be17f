package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"millrace/infra/cli"
)

// Blocks that begin with ```sh run are run, those of one document in order, on a lakehouse of the test's own.
func TestCommandsInDocumentsRun(t *testing.T) {
	var found int
	f := lakehouse(t)
	for _, p := range pages(t) {
		for _, block := range p.fences {
			if block.info != "sh run" {
				continue
			}
			found++
			if out, err := f.run(t, block.text); err != nil {
				t.Errorf("%s:%d: %v\n%s\n%s", p.path, block.line, err, block.text, out)
			}
		}
	}
	checkBanner(t, f.banner)
	if found < 6 {
		t.Errorf("only %d blocks are marked to be run", found)
	}
}

var bannerLine = regexp.MustCompile(`(?m)^  ([A-Za-z0-9]+) {2,}(https?://|nats://)?`)

// checkBanner compares what the README says that `up` prints with what it does print: the names, and the kinds of addresses.
func checkBanner(t *testing.T, banner string) {
	t.Helper()
	p, err := readPage(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	const title = "millrace runs. Ctrl-C stops it."
	shown := ""
	for _, block := range p.fences {
		if strings.Contains(block.text, title) {
			shown = block.text
		}
	}
	lines := bannerLine.FindAllString(shown, -1)
	if len(lines) < 4 || !strings.Contains(banner, title) {
		t.Errorf("README.md shows %d lines of what `up` prints, and it printed\n%s", len(lines), banner)
	}
	for _, l := range lines {
		if !strings.Contains(banner, "\n"+l) {
			t.Errorf("README.md shows that `up` prints %q, and it printed\n%s", l, banner)
		}
	}
}

// How a block may be marked: a language, and for two of them what runs it. tests/interop runs the blocks of Python, each by its name.
var infos = []string{"", "sh", "sh run", "sql", "mermaid", "yaml"}

const runByInterop = "python interop "

func TestBlocksAreMarkedAsTestsKnowThem(t *testing.T) {
	for _, p := range pages(t) {
		for _, block := range p.fences {
			if !slices.Contains(infos, block.info) && !strings.HasPrefix(block.info, runByInterop) {
				t.Errorf("%s:%d: a block is marked %q, which nothing knows: there are %q and %q with a name", p.path, block.line, block.info, infos, runByInterop)
			}
		}
	}
}

var (
	ownCommand = regexp.MustCompile(`(?:^|[\s(` + "`" + `])(?:\.bin/)?(ingestor|reactor|stack) ((?:[a-z]+\b ?){1,2})`)
	ownFlag    = regexp.MustCompile(`(?:^|\s)--([a-z][a-z0-9-]*)`)
	taskName   = regexp.MustCompile(`go tool task ([a-z:-]+)`)
	remark     = regexp.MustCompile(`\s# .*$`)
	inside     = regexp.MustCompile(`\bexec [a-z-]+ `) // a container, whose name may be a program's
)

// Commands that are not run, because they wait, need a network or destroy, are at least there, and so are their flags.
func TestCommandsInDocumentsAreThere(t *testing.T) {
	all := programs(t)
	tasks, err := os.ReadFile(filepath.Join(root, "Taskfile.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for _, l := range code(p) {
			for _, m := range taskName.FindAllStringSubmatch(l.text, -1) {
				if !strings.Contains(string(tasks), "\n  "+strings.TrimSuffix(m[1], ":")+":\n") {
					t.Errorf("%s:%d: there is no task %s", p.path, l.number, m[1])
				}
			}
			for _, m := range ownCommand.FindAllStringSubmatchIndex(l.text, -1) {
				(shown{p.path, l.number, l.text[m[2]:m[3]], strings.Fields(l.text[m[4]:m[5]]), l.text[m[0]:]}).check(t, all)
			}
		}
	}
}

// code is what a document shows as code: lines of shell blocks, and words between backquotes.
func code(p page) []line {
	var lines []line
	for _, block := range p.fences {
		if !strings.HasPrefix(block.info, "sh") {
			continue
		}
		for i, text := range strings.Split(strings.ReplaceAll(block.text, "\\\n", " "), "\n") {
			lines = append(lines, line{block.line + 1 + i, inside.ReplaceAllString(remark.ReplaceAllString(text, ""), "exec ")})
		}
	}
	for _, l := range p.prose {
		for _, text := range inlineCode.FindAllString(l.text, -1) {
			lines = append(lines, line{l.number, strings.Trim(text, "`")})
		}
	}
	return lines
}

// shown is a command that a document shows: its program, the words after it and all of the text, with its place.
type shown struct {
	file    string
	number  int
	program string
	words   []string
	text    string
}

// check holds the command against what the programs say of themselves.
func (c shown) check(t *testing.T, all []cli.Description) {
	t.Helper()
	d := all[slices.IndexFunc(all, func(d cli.Description) bool { return d.Name == c.program })]
	flags := []string{"help"}
	for _, f := range d.Flags {
		flags = append(flags, f.Name)
	}
	for i, word := range c.words {
		at := slices.IndexFunc(d.Commands, func(d cli.Description) bool { return d.Name == word })
		if at < 0 && (i == 0 || len(d.Commands) > 0) {
			t.Errorf("%s:%d: %s has no command %q: %s", c.file, c.number, c.program, strings.Join(c.words[:i+1], " "), c.text)
			return
		}
		if at < 0 {
			break // an argument
		}
		d = d.Commands[at]
		for _, f := range d.Flags {
			flags = append(flags, f.Name)
		}
	}
	for _, m := range ownFlag.FindAllStringSubmatch(c.text, -1) {
		if !slices.Contains(flags, m[1]) {
			t.Errorf("%s:%d: %s %s has no flag --%s: %s", c.file, c.number, c.program, strings.Join(c.words, " "), m[1], c.text)
		}
	}
}
