package fetch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/klauspost/compress/gzip"

	"millrace/ingestor/bronze"
	"millrace/ingestor/recipe"
)

// judge decides what an answer is worth: nil for rows and for "no data". It counts the rows.
func (c *Client) judge(got *answer, readErr error) *Error {
	switch {
	case len(got.body) > maxBytes:
		return &Error{Kind: TooLarge, Detail: fmt.Sprintf("more than %d bytes", maxBytes)}
	case got.status == http.StatusNotFound || got.status == http.StatusNoContent:
		return nil
	case got.status != http.StatusOK:
		failed := &Error{Kind: c.statusKind(got), Detail: c.said(got.body)}
		if failed.Kind == KeyRefused {
			failed.Detail = fmt.Sprintf("it was sent ${%s} and said %s", strings.Join(c.variables(), "}, ${"), cmp.Or(failed.Detail, "nothing"))
		}
		return failed
	case readErr != nil:
		return &Error{Kind: Truncated, Detail: fmt.Sprintf("the body ends after %d bytes", len(got.body))}
	}
	if name := c.holds(string(got.body)); name != "" {
		return &Error{Kind: Repeats, Detail: "${" + name + "} is in the body"}
	}
	if got.ext == bronze.JSON || got.ext == bronze.NDJSON {
		if strings.EqualFold(got.header.Get("Content-Encoding"), "gzip") {
			got.ext += ".gz" // it came packed without being asked: it stays as it came
		}
	}
	var err error
	got.rows, err = count(got.body, got.ext, c.cfg.Recipe.Rows)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, recipe.ErrCut):
		return &Error{Kind: Truncated, Detail: fmt.Sprintf("the %s ends in the middle, after %d bytes", got.ext, len(got.body))}
	case errors.Is(err, recipe.ErrNoRows):
		return &Error{Kind: NotRows, Detail: "the answer begins " + c.said(got.body)}
	case errors.Is(err, recipe.ErrNotJSON):
		return &Error{Kind: NotJSON, Detail: "the answer begins " + c.said(got.body)}
	}
	return &Error{Kind: NotFormat, Detail: fmt.Sprintf("it is no %s: %v", got.ext, err)}
}

func (c *Client) statusKind(got *answer) Kind {
	switch status := got.status; {
	case status == http.StatusTooManyRequests, status == http.StatusTeapot,
		status == http.StatusForbidden && (got.header.Get("Retry-After") != "" || got.header.Get("X-Ratelimit-Remaining") == "0"):
		return RateLimited
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && len(c.secrets) > 0:
		return KeyRefused
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusUnavailableForLegalReasons:
		return Refused
	case status == http.StatusPaymentRequired:
		return CreditsUsed
	case status >= 500, status == http.StatusRequestTimeout:
		return ServerError
	case status >= 400:
		return BadRequest
	}
	return Unexpected
}

// count counts the rows of a body, and reads it to its end.
func count(body []byte, ext string, rows recipe.Rows) (int, error) {
	switch ext {
	case bronze.Parquet:
		return parquetRows(body)
	case bronze.JSONGzip:
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, fmt.Errorf("unpack it: %w", err)
		}
		text, err := io.ReadAll(io.LimitReader(z, maxBytes+1))
		if err != nil {
			return 0, cut(err)
		}
		return rows.Count(text)
	case bronze.NDJSONGzip:
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, fmt.Errorf("unpack it: %w", err)
		}
		return lines(z)
	case bronze.NDJSON:
		return lines(bytes.NewReader(body))
	}
	return rows.Count(body)
}

func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return recipe.ErrCut
	}
	return fmt.Errorf("unpack it: %w", err)
}

// lines counts lines that are not blank, in pieces: an hour of GitHub's events unpacks to a gigabyte. Whether each is a row is the
// reactor's to say, line by line; a text that begins otherwise is a page of some proxy.
func lines(in io.Reader) (n int, err error) {
	piece := make([]byte, 64<<10)
	blank, first := true, true
	for {
		got, err := in.Read(piece)
		for _, b := range piece[:got] {
			switch b {
			case '\n':
				blank = true
			case ' ', '\t', '\r', 0xef, 0xbb, 0xbf:
			default:
				if first && b != '{' && b != '[' {
					return 0, recipe.ErrNotJSON
				}
				if first = false; blank {
					blank = false
					n++
				}
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return 0, cut(err)
		}
	}
}

func parquetRows(body []byte) (n int, err error) {
	// The library's reader panics at some broken footers.
	defer func() {
		if broken := recover(); broken != nil {
			n, err = 0, fmt.Errorf("read its footer: %v", broken)
		}
	}()
	f, err := file.NewParquetReader(bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("read its footer: %w", err)
	}
	defer func() { _ = f.Close() }()
	return int(f.NumRows()), nil
}

// shorten makes a body fit into an error: one line, printable, at most 200 bytes.
func shorten(body []byte) string {
	const most = 200
	text := strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, string(body[:min(len(body), most)]))
	text = strings.Join(strings.Fields(text), " ")
	if len(body) > most {
		text += " …"
	}
	return text
}
