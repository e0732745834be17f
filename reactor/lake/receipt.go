package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Receipt says that a request with an idempotency key was done, or refused for good.
type Receipt struct {
	bun.BaseModel `bun:"table:millrace_receipts"`
	Key           string
	Request       string // what tells the request from another one with the same key
	Status        int    // the HTTP status of the refusal, 0 for what was done
	Refusal       string // the body of the refusal
	UntilUS       int64  `bun:"until_us"`
}

// NewReceipt is the receipt of a request that is to be done; after a time nobody remembers it.
func NewReceipt(key, request string, until time.Time) Receipt {
	return Receipt{Key: key, Request: request, UntilUS: until.UnixMicro()}
}

// DoneError says that a request was done before, with the same idempotency key. Nothing was changed.
type DoneError struct{ Key string }

func (e *DoneError) Error() string { return "the request with the key " + e.Key + " was done before" }

type noteKey struct{}

// note is a receipt that is written in the database transaction of what it is for.
type note struct {
	receipt Receipt
	made    bool
}

// WithReceipt returns a context in which what is written into the catalog is written together with a receipt, and written tells whether
// that happened. A second write with the same key fails with a *DoneError.
func WithReceipt(ctx context.Context, r Receipt) (with context.Context, written func() bool) {
	n := &note{receipt: r}
	return context.WithValue(ctx, noteKey{}, n), func() bool { return n.made }
}

// noteOf is the note of a context, nil for none.
func noteOf(ctx context.Context) *note {
	n, _ := ctx.Value(noteKey{}).(*note)
	return n
}

func (n *note) write(ctx context.Context, tx bun.Tx) error {
	if n == nil || n.made {
		return nil
	}
	ok, err := insertReceipt(ctx, tx, n.receipt)
	if err == nil && !ok {
		err = &DoneError{n.receipt.Key}
	}
	return err
}

func (n *note) written() {
	if n != nil {
		n.made = true
	}
}

// insertReceipt writes a receipt, and tells whether there was none of the key. It takes away those whose time is over.
func insertReceipt(ctx context.Context, tx bun.Tx, r Receipt) (ok bool, err error) {
	now := time.Now().UnixMicro()
	if _, err := tx.NewDelete().Model((*Receipt)(nil)).Where("until_us < ?", now).Exec(ctx); err != nil {
		return false, fmt.Errorf("take away old receipts: %w", err)
	}
	n, err := affected(tx.NewInsert().Model(&r).On("CONFLICT DO NOTHING").Exec(ctx))
	if err != nil {
		return false, fmt.Errorf("write the receipt of a request: %w", err)
	}
	return n > 0, nil
}

// ReceiptOf finds the receipt of a key, nil for none.
func (l *Lake) ReceiptOf(ctx context.Context, key string) (*Receipt, error) {
	var r Receipt
	err := l.catalog.db.NewSelect().Model(&r).Where("key = ? AND until_us >= ?", key, time.Now().UnixMicro()).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the receipt of a request: %w", err)
	}
	return &r, nil
}

// KeepReceipt writes the receipt of a request that wrote nothing else. ok is false when there is one of the key.
func (l *Lake) KeepReceipt(ctx context.Context, r Receipt) (ok bool, err error) {
	err = l.write(ctx, func(tx *Tx) error {
		ok, err = insertReceipt(ctx, tx.tx, r)
		return err
	})
	return ok, err
}
