package recipe

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"millrace/infra/strict"
	"millrace/ingestor/bronze"
)

const (
	defaultRate    = 60
	maxRate        = 60_000
	defaultTimeout = time.Minute
	maxTimeout     = time.Hour
	// maxItems of a source: each is a request a day at the least.
	maxItems = 10_000
)

var fetchKeys = []strict.Key{
	{Name: "url", Needed: true, Doc: "Address that is asked; placeholders such as {item} and {day} are filled in. Secrets belong into headers or query"},
	{Name: "method", Values: []string{"GET", "POST"}, Doc: "GET, or POST for APIs whose questions have a body"},
	{Name: "query", Form: strict.Pairs, Doc: "Parameters of the address. {from_ms} is the day's beginning in ms, {to_s} its end in seconds, {last_ms} its last ms; ${NAME} is a secret of the environment"},
	{Name: "headers", Form: strict.Pairs, Doc: "Headers. ${NAME} is a secret of the environment; with ${NAME?} the header is left out while NAME is not set"},
	{Name: "body", Doc: "Body of a POST"},
	{Name: "items", Form: strict.Texts, Doc: "What is asked for one by one, such as symbols or hours: {item} in url, query, body, file and metadata"},
	{Name: "file", Doc: "How the object's name begins; name_pattern can read it. Without it, the item or the dataset's name"},
	{Name: "format", Values: []string{bronze.JSON, bronze.JSONGzip, bronze.NDJSON, bronze.NDJSONGzip, bronze.Parquet}, Doc: "What the API answers with: json, unless said otherwise"},
	{Name: "metadata", Form: strict.Pairs, Doc: "User metadata of the object, which fields read with from: {metadata: name}"},
	{Name: "paging", Form: strict.Mapping, Of: pagingKeys, Doc: "How further pages are asked for"},
	{Name: "calls_a_minute", Form: strict.Count, Doc: "Most calls in any minute: 60, unless said otherwise"},
	{Name: "timeout", Doc: "How long one call may take: 1m, unless said otherwise"},
}

var nameForm = regexp.MustCompile(`^([a-z0-9][a-z0-9_-]*)/([a-z0-9][a-z0-9_-]*)$`)

// File is a dataset's: the reactor reads it as well.
var File = strict.File{One: "dataset", Whole: "a definition", First: "`name: <source>/<dataset>`"}

// Parse reads the recipe of a dataset's file. What else the file says is the reactor's business. An error is [strict.Problems].
func Parse(text []byte) (*Recipe, error) {
	root, problem := File.Document(text)
	if problem != nil {
		return nil, strict.Problems{*problem}
	}
	r := &strict.Reader{}
	at := map[string]*yaml.Node{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		at[root.Content[i].Value] = root.Content[i+1]
	}
	if at["fetch"] == nil {
		r.Say(root, "the file has no block fetch, which says how the source is asked: docs/extend.md shows one")
		return nil, r.Problems
	}
	recipe := Read(at["fetch"], r)
	name := nameForm.FindStringSubmatch(r.Text(at["name"]))
	if name == nil {
		r.Say(root, "the file names no dataset: write `name: <source>/<dataset>`, each of a-z, 0-9, _ and -")
	} else {
		recipe.Source, recipe.Dataset = name[1], name[2]
	}
	recipe.Rows = readRows(at["rows"], r)
	recipe.defaults()
	r.Problems.Sort()
	if len(r.Problems) > 0 {
		return nil, r.Problems
	}
	return recipe, nil
}

// Read reads the block fetch.
func Read(node *yaml.Node, r *strict.Reader) *Recipe {
	at := r.Mapping(node, fetchKeys, "fetch")
	text := func(name string, secrets bool) Template { return readTemplate(r, at[name], secrets) }
	recipe := &Recipe{
		Method: "GET", URL: text("url", false), Body: text("body", false), File: text("file", false), Format: bronze.JSON,
		Query: readParams(r, at["query"], true), Headers: readParams(r, at["headers"], true), Metadata: readParams(r, at["metadata"], false),
		Items:   r.Texts(at["items"]),
		Rate:    r.Count(at["calls_a_minute"], defaultRate, 1, maxRate),
		Timeout: r.Duration(at["timeout"], defaultTimeout, maxTimeout),
	}
	if at["method"] != nil {
		recipe.Method = at["method"].Value
	}
	if at["format"] != nil {
		recipe.Format = at["format"].Value
	}
	if at["paging"] != nil {
		recipe.Paging = readPaging(at["paging"], r)
	}
	recipe.check(at, r)
	return recipe
}

// check finds what the values say together.
func (c *Recipe) check(at map[string]*yaml.Node, r *strict.Reader) {
	if at["url"] != nil && len(r.Problems) == 0 {
		checkAddress(at["url"], c.URL, r)
	}
	uses := c.URL.uses("item") || c.Body.uses("item")
	for _, p := range append(append([]Param(nil), c.Query...), c.Headers...) {
		uses = uses || p.Value.uses("item")
	}
	switch {
	case len(c.Items) > maxItems:
		r.Say(at["items"], "%d items are too many: a source has at most %d", len(c.Items), maxItems)
	case len(c.Items) > 0 && !uses && at["url"] != nil:
		r.Say(at["items"], "there are items, and no {item} in url, query, headers or body: every request would be the same")
	case len(c.Items) == 0 && uses:
		r.Say(at["url"], "the request has an {item}, and there is no list of items: write items: [a, b]")
	}
	if at["body"] != nil && c.Method != "POST" {
		r.Say(at["body"], "a GET has no body: write method: POST")
	}
	if c.Paging != nil && c.Format != bronze.JSON && c.Paging.By != ByLink {
		r.Say(at["paging"], "pages are told by their rows, which are not looked at in %s: only by: link has pages of that", c.Format)
	}
	for _, p := range c.Metadata {
		if !metadataName.MatchString(p.Name) {
			r.Say(at["metadata"], "the metadata name %q is not made of a-z, 0-9 and -", p.Name)
		}
	}
}

var metadataName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

func checkAddress(node *yaml.Node, t Template, r *strict.Reader) {
	day, _ := bronze.ParseDay("2026-01-31")
	address, err := url.Parse(t.fill(Values{Day: day, Item: "item"}, url.QueryEscape))
	switch {
	case err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https":
		r.Say(node, "the address must look like https://api.example.com/v1/things")
	case address.User != nil || address.Fragment != "":
		r.Say(node, "the address must hold no user and no #: write a secret as a header, such as Authorization: Bearer ${NAME}")
	}
}

// defaults fills in what follows from the rest.
func (c *Recipe) defaults() {
	if len(c.File.parts) > 0 {
		return
	}
	if len(c.Items) > 0 {
		c.File.parts = append(c.File.parts, part{placeholder: "item"})
	} else {
		c.File.parts = append(c.File.parts, part{literal: c.Dataset})
	}
}

func readTemplate(r *strict.Reader, node *yaml.Node, secrets bool) Template {
	text := r.Text(node)
	if text == "" {
		return Template{}
	}
	t, err := parse(text)
	switch {
	case err != nil:
		r.Say(node, "%v", err)
	case !secrets && len(t.secrets()) > 0:
		r.Say(node, "a secret would be seen here: ${NAME} belongs into headers or query")
	}
	for _, s := range t.secrets() {
		if ownSecrets.MatchString(s.Name) {
			r.Say(node, "${%s} is a secret of the lake, and no source's: give the variable another name", s.Name)
		}
	}
	return t
}

// ownSecrets are variables that a file from elsewhere must not send to its author.
var ownSecrets = regexp.MustCompile(`^(MILLRACE|AWS|AIRFLOW|COINCAP)_`)

// secretive are names whose values are secrets.
var secretive = regexp.MustCompile(`(?i)^(authorization|proxy-authorization|cookie)$|api[-_]?key|secret|password|(access|auth|bearer)[-_]?token|^token$|^key$`)

func readParams(r *strict.Reader, node *yaml.Node, secrets bool) []Param {
	var all []Param
	for _, p := range r.Pairs(node) {
		t := readTemplate(r, p.Value, secrets)
		if secrets && secretive.MatchString(p.Name) && t.plain() {
			r.Say(p.Value, "%s looks like a secret, which belongs into no file: write %q, and set the variable in the environment", p.Name, hidden(p.Name, p.Value.Value))
		}
		all = append(all, Param{Name: p.Name, Value: t})
	}
	return all
}

// hidden is how the value is written without the secret; it keeps the scheme of an Authorization.
func hidden(name, value string) string {
	variable := strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(name), "x-"), "-", "_"))
	if strings.EqualFold(name, "authorization") {
		variable = "API_TOKEN"
		if scheme, _, ok := strings.Cut(value, " "); ok {
			return fmt.Sprintf("%s ${%s}", scheme, variable)
		}
	}
	return "${" + variable + "}"
}
