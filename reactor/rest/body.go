package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// read reads the JSON of a request's body. Fields that nobody knows are let through: a later specification may have them.
func read[T any](r *http.Request) (body T, err error) {
	d := json.NewDecoder(r.Body)
	if err := d.Decode(&body); err != nil {
		return body, unreadable(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return body, bad("the body of the request goes on after its JSON")
	}
	return body, nil
}

// unreadable is the error of a body that cannot be read, as it is to be answered.
func unreadable(err error) error {
	tooLarge := (*http.MaxBytesError)(nil)
	if errors.As(err, &tooLarge) {
		return err
	}
	return bad(fmt.Sprintf("the body of the request cannot be read: %v", err))
}
