package recipe

import (
	"go.yaml.in/yaml/v3"

	"millrace/infra/strict"
)

// By is how pages are told apart.
type By string

// The ways.
const (
	ByPage   By = "page"   // the number of the page
	ByOffset By = "offset" // the number of rows before the page
	ByCursor By = "cursor" // a text of the answer before
	ByLink   By = "link"   // the whole address, of the answer before
)

// Paging is how further pages are asked for.
type Paging struct {
	By        By
	Query     string // the parameter that tells pages apart
	First     int    // number or offset of the first page
	Size      int    // rows of a full page: one with fewer is the last one; 0 when that is not known
	SizeQuery string // the parameter that has Size
	Path      Path   // of the cursor or the link in the answer; none for the header Link
	Most      int    // pages that are asked for
	Bounded   bool   // Most is the user's wish, and no guard against pages without end
}

// maxPages is the guard: an API that ignores its parameter gives pages for ever.
const maxPages = 10_000

var pagingKeys = []strict.Key{
	{Name: "by", Needed: true, Values: []string{string(ByPage), string(ByOffset), string(ByCursor), string(ByLink)}, Doc: "page and offset count; cursor repeats a text of the answer; link follows an address of the answer"},
	{Name: "query", Doc: "Parameter that tells pages apart"},
	{Name: "first", Form: strict.Count, Doc: "Number of the first page (1 unless said otherwise), or its offset (0)"},
	{Name: "size", Form: strict.Count, Doc: "Rows of a full page: one with fewer rows is the last one. Without it, an empty page is the last one"},
	{Name: "size_query", Doc: "Parameter that asks for pages of that size"},
	{Name: "path", Doc: "Where in the answer the next cursor or link is, such as meta.next. Without it, links are in the header Link"},
	{Name: "most", Form: strict.Count, Doc: "How many pages are asked for. Without it, all"},
}

func readPaging(node *yaml.Node, r *strict.Reader) *Paging {
	at := r.Mapping(node, pagingKeys, "paging")
	p := &Paging{Query: r.Text(at["query"]), SizeQuery: r.Text(at["size_query"]), Most: r.Count(at["most"], maxPages, 1, maxPages), Bounded: at["most"] != nil}
	if at["by"] != nil {
		p.By = By(at["by"].Value)
	}
	first := 0
	if p.By == ByPage {
		first = 1
	}
	p.First, p.Size = r.Count(at["first"], first, 0, 1<<30), r.Count(at["size"], 0, 1, 1<<30)
	if text := r.Text(at["path"]); text != "" {
		path, err := ParsePath(text)
		if err != nil {
			r.Say(at["path"], "%v", err)
		}
		p.Path = path
	}
	switch {
	case p.By == ByLink && p.Query != "":
		r.Say(at["query"], "a link is a whole address: it needs no parameter")
	case p.By != ByLink && p.By != "" && p.Query == "":
		r.Say(node, "paging lacks the key \"query\": the parameter that tells pages apart")
	case p.By == ByCursor && len(p.Path) == 0 && at["path"] == nil:
		r.Say(node, "paging lacks the key \"path\": where in the answer the next cursor is")
	case (p.By == ByPage || p.By == ByOffset) && at["path"] != nil:
		r.Say(at["path"], "pages that are counted need no path")
	case p.SizeQuery != "" && p.Size == 0:
		r.Say(at["size_query"], "size_query asks for pages of a size: write size as well")
	}
	return p
}
