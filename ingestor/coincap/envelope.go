package coincap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Envelope is what a list response says about itself.
type Envelope struct {
	Items     int
	Timestamp int64 // ms since 1970; 0 when it has none
}

// ReadEnvelope checks that a body is what a list endpoint answers: one JSON object, whole, with a list in data. What is in
// the list is not looked at: odd rows are bronze's to keep and silver's to judge, so duplicate names and invalid UTF-8 pass.
// The error is an *Error without URL and status.
func ReadEnvelope(body []byte) (Envelope, error) {
	var e Envelope
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	err := e.read(d)
	var ours *Error
	switch {
	case err == nil || errors.As(err, &ours):
		return e, err
	case len(bytes.TrimSpace(body)) == 0:
		return e, &Error{Kind: Truncated, Detail: "the body is empty"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return e, &Error{Kind: Truncated, Detail: fmt.Sprintf("the JSON ends in the middle, after %d bytes", len(body))}
	}
	return e, &Error{Kind: NotJSON, Detail: "the body begins " + shorten(body)}
}

// read reads a body to its end.
func (e *Envelope) read(d *jsontext.Decoder) error {
	if kind := d.PeekKind(); kind != '{' {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		return &Error{Kind: NotList, Detail: "the JSON is no object with data, but begins " + shorten(value)}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	found := false
	var other *Error // kept until the whole body is known to be JSON
	for d.PeekKind() != '}' {
		list, odd, err := e.member(d)
		if err != nil {
			return err
		}
		found = found || list
		if odd != nil && (other == nil || odd.data) {
			other = odd.Error
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return &Error{Kind: NotJSON, Detail: "there is more after the end of the JSON"}
	}
	switch {
	case other != nil && !found, other != nil && other.Kind == Farewell:
		return other
	case !found:
		return &Error{Kind: NotList, Detail: "the JSON has no data"}
	}
	return nil
}

// oddMember is a member of a response that says why there is no list. One in data says more than one beside it.
type oddMember struct {
	*Error
	data bool
}

// member reads one member of a response; list is true when it is the list.
func (e *Envelope) member(d *jsontext.Decoder) (list bool, odd *oddMember, err error) {
	token, err := d.ReadToken()
	if err != nil {
		return false, nil, err
	}
	name := token.String()
	if name == "data" && d.PeekKind() == '[' {
		e.Items, err = skipList(d)
		return true, nil, err
	}
	if name == "timestamp" && d.PeekKind() == '0' {
		token, err := d.ReadToken()
		if err == nil {
			// A fraction or a number too large is odd, not wrong: nothing depends on it.
			e.Timestamp, _ = token.Int()
		}
		return false, nil, err
	}
	value, err := d.ReadValue()
	switch {
	case err != nil:
		return false, nil, err
	case name == "data":
		return false, &oddMember{notList(value), true}, nil
	case name == "error" || name == "message":
		return false, &oddMember{&Error{Kind: NotList, Detail: "the API says " + shorten(value)}, false}, nil
	}
	return false, nil, nil
}

// skipList reads a list without looking at its items, and counts them.
func skipList(d *jsontext.Decoder) (items int, err error) {
	if _, err := d.ReadToken(); err != nil {
		return 0, err
	}
	for d.PeekKind() != ']' {
		if err := d.SkipValue(); err != nil {
			return items, err
		}
		items++
	}
	_, err = d.ReadToken()
	return items, err
}

// notList tells v2's farewell, an object with a message where the list should be, from other data.
func notList(data jsontext.Value) *Error {
	if data.Kind() == '{' {
		d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if _, err := d.ReadToken(); err == nil {
			if name, err := d.ReadToken(); err == nil && name.String() == "message" {
				if message, err := d.ReadToken(); err == nil && message.Kind() == '"' {
					return &Error{Kind: Farewell, Detail: shorten([]byte(message.String()))}
				}
			}
		}
	}
	return &Error{Kind: NotList, Detail: "data is no list, but begins " + shorten(data)}
}

// shorten makes a body fit into an error: one line, printable, at most 200 bytes.
func shorten(body []byte) string {
	const most = 200
	text := string(body[:min(len(body), most)])
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(body) > most {
		text += " …"
	}
	return text
}
