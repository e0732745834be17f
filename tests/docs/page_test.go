// Package docs holds the documents to what they describe: links lead somewhere, generated parts are what the code gives, the
// map of the packages is complete, and the commands in them run. `go test ./tests/docs -args -update` writes the generated
// parts anew (`go tool task docs`).
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// root is the repository's folder.
const root = "../.."

// page is a document, split into what is prose and what is fenced.
type page struct {
	path   string // from the root
	prose  []line
	fences []fence
}

type line struct {
	number int
	text   string
}

// fence is a block of code with its info string: the language, then how it is meant ("sh run", "python interop").
type fence struct {
	line       int
	info, text string
}

// pages reads every document of the repository; what tools and installs left in hidden folders is none of it.
func pages(t *testing.T) []page {
	t.Helper()
	var found []page
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		p, err := readPage(path)
		found = append(found, p)
		return err
	})
	if err != nil {
		t.Fatalf("read the documents: %v", err)
	}
	return found
}

func readPage(path string) (page, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return page{}, err
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return page{}, err
	}
	p := page{path: filepath.ToSlash(name)}
	var open *fence
	indent := ""
	for i, text := range strings.Split(string(text), "\n") {
		trimmed := strings.TrimLeft(text, " ")
		switch {
		case open != nil && strings.TrimSpace(text) == "```":
			p.fences = append(p.fences, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(text, indent) + "\n"
		case strings.HasPrefix(trimmed, "```"):
			indent = text[:len(text)-len(trimmed)]
			open = &fence{line: i + 1, info: strings.TrimPrefix(trimmed, "```")}
		default:
			p.prose = append(p.prose, line{i + 1, text})
		}
	}
	return p, nil
}

var (
	heading    = regexp.MustCompile(`^#{1,6} +(.*?) *$`)
	inlineCode = regexp.MustCompile("`[^`]*`")
	inlineLink = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
)

// anchors are the names that links to the page's headings may have, as GitHub makes them.
func (p page) anchors() map[string]bool {
	anchors := map[string]bool{}
	for _, l := range p.prose {
		if m := heading.FindStringSubmatch(l.text); m != nil {
			anchors[anchor(m[1])] = true
		}
	}
	return anchors
}

func anchor(title string) string {
	title = inlineLink.ReplaceAllString(title, "$1")
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
