package fetch

import (
	"fmt"
	"net/http"
	"net/url"
)

// maxRedirects are followed: from http to https, from one name to another.
const maxRedirects = 5

// redirected is a redirect that is not followed.
type redirected struct{ why string }

func (r *redirected) Error() string { return r.why }

// redirect follows a redirect, and sends the secrets along to the same host alone. net/http drops Authorization and Cookie on the way
// to another one; it sends every other header along, and the whole address before in Referer.
func (c *Client) redirect(next *http.Request, before []*http.Request) error {
	if len(before) > maxRedirects {
		return &redirected{fmt.Sprintf("it was sent on %d times, at last to %s", len(before), next.URL.Host)}
	}
	next.Header.Del("Referer")
	if len(c.secrets) == 0 {
		return nil
	}
	home := before[0].URL
	for _, step := range append(before[1:len(before):len(before)], next) {
		if sameHost(home, step.URL) {
			continue
		}
		if name := c.holds(next.URL.String()); name != "" {
			return &redirected{fmt.Sprintf("it sends the secret ${%s} on to %s", name, next.URL.Host)}
		}
		for _, p := range c.cfg.Recipe.Headers {
			if p.Value.Secret() {
				next.Header.Del(p.Name)
			}
		}
		return nil
	}
	return nil
}

// sameHost tells that two addresses are of one server, and that the way there is not less safe.
func sameHost(home, other *url.URL) bool {
	return home.Host == other.Host && (other.Scheme == home.Scheme || other.Scheme == "https")
}
