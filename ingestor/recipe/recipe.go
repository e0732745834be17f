// Package recipe reads how a source is asked for one day: the block `fetch` of a dataset's file, with its request, pages and pace. It
// is pure: it makes requests of a recipe, and calls nobody. The reactor holds the block to the same rules when it reads the file.
package recipe

import (
	"net/url"
	"strings"
	"time"

	"millrace/infra/strict"
	"millrace/ingestor/bronze"
)

// Recipe is how a source is asked for one day.
type Recipe struct {
	Source, Dataset string // of the dataset's name
	Rows            Rows

	Method   string
	URL      Template
	Query    []Param
	Headers  []Param
	Body     Template
	Items    []string // one request each; none for a single request
	File     Template // how the object's name begins
	Format   string   // an extension of bronze
	Metadata []Param
	Paging   *Paging // nil for one page
	Rate     int     // calls a minute
	Timeout  time.Duration
}

// Param is a name with a value that is made of placeholders and secrets.
type Param struct {
	Name  string
	Value Template
}

// Name of the dataset.
func (r *Recipe) Name() string { return r.Source + "/" + r.Dataset }

// OfMoment tells that the request names no day: the answer tells of the time of the call.
func (r *Recipe) OfMoment() bool {
	if r.URL.dated() || r.Body.dated() {
		return false
	}
	for _, p := range append(append([]Param(nil), r.Query...), r.Headers...) {
		if p.Value.dated() {
			return false
		}
	}
	return true
}

// Secrets are the environment's names that the request needs, each once; optional ones may be unset.
func (r *Recipe) Secrets() (all []Secret) {
	seen := map[string]bool{}
	for _, p := range append(append([]Param(nil), r.Headers...), r.Query...) {
		for _, s := range p.Value.secrets() {
			if !seen[s.Name] {
				seen[s.Name] = true
				all = append(all, s)
			}
		}
	}
	return all
}

// Address is the first request's, without secrets: it may be shown and kept.
func (r *Recipe) Address(v Values) (*url.URL, error) {
	address, err := url.Parse(r.URL.fill(v, url.QueryEscape))
	if err != nil {
		return nil, err
	}
	query := address.Query()
	for _, p := range r.Query {
		if len(p.Value.secrets()) == 0 {
			query.Set(p.Name, p.Value.Fill(v))
		}
	}
	address.RawQuery = query.Encode()
	return address, nil
}

// Place is where an answer belongs in bronze.
func (r *Recipe) Place(v Values, ext string) bronze.Place {
	return bronze.Place{Source: r.Source, Dataset: r.Dataset, Stem: stem(r.File.Fill(v)), Ext: ext}
}

// stem makes a text the beginning of an object's name: letters, digits, dot, _ and - as they are, a - for all others.
func stem(text string) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c) {
			return c
		}
		return '-'
	}, text)
	if name = strings.TrimLeft(name, "._-"); name == "" {
		return "answer"
	}
	return name
}

// About is the metadata of an answer.
func (r *Recipe) About(v Values) map[string]string {
	about := map[string]string{}
	for _, p := range r.Metadata {
		about[p.Name] = p.Value.Fill(v)
	}
	return about
}

// Keys are those of the block fetch, for the JSON Schema of the file that has it.
func Keys() []strict.Key { return fetchKeys }
