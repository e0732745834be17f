package docs

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/infra/files"
)

var update = flag.Bool("update", false, "write the generated parts of the documents anew")

// hold compares a part of a document, between two marks that name it, with the text that the code gives.
func hold(t *testing.T, file, part, text string) {
	t.Helper()
	path := filepath.Join(root, file)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the document that gets the part %s: %v", part, err)
	}
	begin, end := "<!-- generated: "+part+" -->\n", "<!-- end: "+part+" -->\n"
	before, rest, ok := strings.Cut(string(raw), begin)
	was, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Errorf("%s lacks the lines %q and %q, between which the part is written", file, strings.TrimSpace(begin), strings.TrimSpace(end))
		return
	}
	want := "\n" + strings.TrimSpace(text) + "\n\n"
	if was == want {
		return
	}
	if !*update {
		t.Errorf("the part %s of %s is not what the code gives: run `go tool task docs`\n%s", part, file, firstDifference(was, want))
		return
	}
	if err := files.Replace(path, []byte(before+begin+want+end+after)); err != nil {
		t.Fatalf("write the part %s of %s: %v", part, file, err)
	}
}

func firstDifference(was, want string) string {
	a, b := strings.Split(was, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		left, right := "", ""
		if i < len(a) {
			left = a[i]
		}
		if i < len(b) {
			right = b[i]
		}
		if left != right {
			return "it has  " + left + "\nwant    " + right
		}
	}
	return ""
}

// cell is a text in a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(strings.Join(strings.Fields(text), " "))
}

// codeCell is the same for code.
func codeCell(text string) string { return "`" + strings.ReplaceAll(text, "|", `\|`) + "`" }
