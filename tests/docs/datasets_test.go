package docs

import (
	"strings"
	"testing"

	"millrace/reactor/silver/definition"
)

// A dataset that a document shows can be copied.
func TestDatasetsInDocumentsAreSound(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, block := range p.fences {
			if block.info != "yaml" || !strings.Contains(block.text, "fields:") {
				continue
			}
			found++
			if _, err := definition.Parse([]byte(block.text)); err != nil {
				t.Errorf("%s:%d: %v", p.path, block.line, err)
			}
		}
	}
	if found == 0 {
		t.Error("no document shows a dataset")
	}
}
