package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"millrace/reactor/lake"
)

const (
	// keyLifetime is how long a client may send a request again with its Idempotency-Key.
	keyLifetime = 24 * time.Hour
	// keyLifetimeISO is keyLifetime as ISO 8601 has it.
	keyLifetimeISO = "PT24H"
	// idempotencyKey is the header by which a client marks a request that it may send again.
	idempotencyKey = "Idempotency-Key"
)

// onlyOnce lets a request with an Idempotency-Key take effect once, however often and to however many servers it is sent. Its receipt
// is written in the database transaction of its effect, so that not even a kill comes between the two. again answers a request that
// took effect before, by what the catalog has now.
func onlyOnce(serve, again call) call {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		key := r.Header.Get(idempotencyKey)
		if key == "" {
			return serve(s, w, r)
		}
		if _, err := uuid.Parse(key); err != nil || len(key) != 36 {
			return bad("the header Idempotency-Key must be a UUID of 36 characters")
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return unreadable(err)
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %s\n%s\n%s", r.Method, r.URL.RequestURI(), roleOf(r), body))
		o := once{s, again, body, lake.NewReceipt(key, hex.EncodeToString(sum[:]), time.Now().Add(keyLifetime))}
		return o.serve(w, r, serve)
	}
}

// once is a request with an Idempotency-Key.
type once struct {
	*Server
	again   call
	body    []byte
	receipt lake.Receipt
}

func (o once) serve(w http.ResponseWriter, r *http.Request, serve call) error {
	had, err := o.Lake.ReceiptOf(r.Context(), o.receipt.Key)
	if err != nil {
		return err
	}
	if had != nil {
		return o.repeat(w, r, had)
	}
	ctx, written := lake.WithReceipt(r.Context(), o.receipt)
	r.Body = io.NopCloser(bytes.NewReader(o.body))
	err = serve(o.Server, w, r.WithContext(ctx))
	if written() {
		return err
	}
	var done *lake.DoneError
	if !errors.As(err, &done) {
		if err = o.keep(r, err); !errors.As(err, &done) {
			return err
		}
	}
	// Another call with the key was quicker.
	had, findErr := o.Lake.ReceiptOf(r.Context(), o.receipt.Key)
	if findErr != nil || had == nil {
		return errors.Join(err, findErr)
	}
	return o.repeat(w, r, had)
}

// keep writes the receipt of a request that changed nothing, or was refused. It returns a *lake.DoneError when there is a receipt. A
// refusal that may be another one the next time is not kept.
func (o once) keep(r *http.Request, err error) error {
	receipt := o.receipt
	if err != nil {
		refused := refusalOf(err, r)
		if refused.status >= http.StatusInternalServerError || refused.status == http.StatusUnauthorized {
			return err
		}
		body, err := json.Marshal(refused.body(r))
		if err != nil {
			return err
		}
		receipt.Status, receipt.Refusal = refused.status, string(body)
	}
	ok, keepErr := o.Lake.KeepReceipt(r.Context(), receipt)
	switch {
	case keepErr != nil && err == nil:
		o.Log.Warn("the receipt of a request is not written: sent again, it would be done again", "error", keepErr)
	case keepErr == nil && !ok && err != nil: // a success that is answered is answered
		return &lake.DoneError{Key: receipt.Key}
	}
	return err
}

// repeat answers a request that was done or refused before.
func (o once) repeat(w http.ResponseWriter, r *http.Request, had *lake.Receipt) error {
	if had.Request != o.receipt.Request {
		return &refusal{http.StatusUnprocessableEntity, "UnprocessableEntityException", "the Idempotency-Key was used for another request: make a new one"}
	}
	if had.Status != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(had.Status)
		_, _ = io.WriteString(w, had.Refusal) // the other side may have gone
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(o.body))
	return o.again(o.Server, w, r)
}
