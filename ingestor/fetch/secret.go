package fetch

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"millrace/infra/settings"
)

// forms are the texts in which a server may repeat a secret: as it is, in an address, and in JSON.
func forms(secret settings.Secret) []string {
	plain := secret.Reveal()
	return []string{plain, url.QueryEscape(plain), strings.ReplaceAll(plain, "/", `\/`)}
}

// variables are the names of those that hold the secrets, the longest secret first: one may be the beginning of another.
func (c *Client) variables() []string {
	return slices.SortedFunc(maps.Keys(c.secrets), func(a, b string) int {
		return cmp.Or(len(c.secrets[b])-len(c.secrets[a]), strings.Compare(a, b))
	})
}

// clean takes the secrets out of a text: some servers repeat a key that they refuse.
func (c *Client) clean(text string) string {
	for _, name := range c.variables() {
		for _, form := range forms(c.secrets[name]) {
			text = strings.ReplaceAll(text, form, "${"+name+"}")
		}
	}
	return text
}

// longestSecret is how far behind its end a shown text is looked at, so that no secret is cut before it is found.
const longestSecret = 8 << 10

// said is what a server said, for an error.
func (c *Client) said(body []byte) string {
	return shorten([]byte(c.clean(string(body[:min(len(body), longestSecret)]))))
}

// shortest is the length from which on a text with a secret in it does not have it by chance.
const shortest = 8

// holds returns the name of a secret that a text has, "" for none.
func (c *Client) holds(text string) string {
	for _, name := range c.variables() {
		for _, form := range forms(c.secrets[name]) {
			if len(form) >= shortest && strings.Contains(text, form) {
				return name
			}
		}
	}
	return ""
}
