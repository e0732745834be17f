package fetch

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"millrace/ingestor/recipe"
)

// pages asks for one page after the other and hands each one on. A first page without rows is handed on, too: it is what the source
// answered.
func (c *Client) pages(ctx context.Context, v recipe.Values, take func(*answer) error) error {
	address, err := c.cfg.Recipe.Address(v)
	if err != nil {
		return fmt.Errorf("%s: make the address of %q: %w", c.cfg.File, v.Item, err)
	}
	turn := turner{paging: c.cfg.Recipe.Paging}
	turn.begin(address)
	for n := 1; ; n++ {
		got, err := c.call(ctx, request{address: address, values: v})
		if err != nil {
			return err
		}
		if n > 1 && got.rows == 0 {
			return nil
		}
		if problem := turn.same(got); problem != "" {
			return c.wrongPages(got, problem)
		}
		if err := take(got); err != nil {
			return err
		}
		next, problem := turn.next(got)
		switch {
		case problem != "":
			return c.wrongPages(got, problem)
		case next == nil:
			return nil
		case n == turn.paging.Most && turn.paging.Bounded:
			return nil
		case n == turn.paging.Most:
			return c.wrongPages(got, fmt.Sprintf("after %d pages there are more: write `most` if so many are wanted", n))
		}
		if name := c.holds(next.String()); name != "" {
			return c.wrongPages(got, fmt.Sprintf("the address of the next page has the secret ${%s} in it", name))
		}
		address = next
	}
}

func (c *Client) wrongPages(got *answer, problem string) error {
	return &Error{Kind: Paging, URL: got.address.String(), Status: got.status, Detail: c.clean(problem)}
}

// turner makes the address of the next page.
type turner struct {
	paging *recipe.Paging // nil for one page
	number int            // of the page, or rows before it
	cursor string
	last   []byte
}

// begin adds the parameters of the first page.
func (t *turner) begin(address *url.URL) {
	if t.paging == nil {
		return
	}
	query := address.Query()
	if t.paging.SizeQuery != "" {
		query.Set(t.paging.SizeQuery, strconv.Itoa(t.paging.Size))
	}
	if t.number = t.paging.First; t.paging.By == recipe.ByPage || t.paging.By == recipe.ByOffset {
		query.Set(t.paging.Query, strconv.Itoa(t.number))
	}
	address.RawQuery = query.Encode()
}

// same notices an API that gives one page again and again.
func (t *turner) same(got *answer) string {
	if t.last != nil && bytes.Equal(t.last, got.body) {
		return "the page has the same bytes as the one before: the API does not take the parameter that tells pages apart"
	}
	t.last = got.body
	return ""
}

// next returns the address of the page after the one that came, nil for none, or what is wrong.
func (t *turner) next(got *answer) (next *url.URL, problem string) {
	if t.paging == nil || got.rows == 0 || t.paging.Size > 0 && got.rows < t.paging.Size && t.paging.By != recipe.ByCursor && t.paging.By != recipe.ByLink {
		return nil, ""
	}
	address := *got.address
	query := address.Query()
	switch t.paging.By {
	case recipe.ByPage:
		t.number++
		query.Set(t.paging.Query, strconv.Itoa(t.number))
	case recipe.ByOffset:
		t.number += got.rows
		query.Set(t.paging.Query, strconv.Itoa(t.number))
	case recipe.ByCursor:
		cursor := t.paging.Path.Find(got.body)
		if cursor == "" {
			return nil, ""
		}
		if cursor == t.cursor {
			return nil, "the cursor is the same as that of the page before"
		}
		t.cursor = cursor
		query.Set(t.paging.Query, cursor)
	case recipe.ByLink:
		return t.link(got)
	}
	address.RawQuery = query.Encode()
	return &address, ""
}

// link follows an address of the answer, on the same server alone: the secrets go along.
func (t *turner) link(got *answer) (next *url.URL, problem string) {
	text := nextLink(got.header.Values("Link"))
	if len(t.paging.Path) > 0 {
		text = t.paging.Path.Find(got.body)
	}
	if text == "" {
		return nil, ""
	}
	next, err := got.address.Parse(text)
	switch {
	case err != nil || next.User != nil:
		return nil, fmt.Sprintf("the link to the next page is no address: %s", shorten([]byte(text)))
	case !sameHost(got.address, next):
		return nil, fmt.Sprintf("the link to the next page leads to another server, %s", next.Host)
	case next.String() == got.address.String():
		return nil, "the link to the next page leads to the page itself"
	}
	return next, ""
}

var linkForm = regexp.MustCompile(`<([^>]*)>([^<]*)`)

// nextLink finds rel="next" in headers of the form <address>; rel="next", <address>; rel="last" (RFC 8288).
func nextLink(headers []string) string {
	for _, header := range headers {
		for _, m := range linkForm.FindAllStringSubmatch(header, -1) {
			for param := range strings.SplitSeq(strings.TrimRight(m[2], ", "), ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if strings.EqualFold(name, "rel") && strings.Contains(" "+strings.Trim(value, `"`)+" ", " next ") {
					return m[1]
				}
			}
		}
	}
	return ""
}
