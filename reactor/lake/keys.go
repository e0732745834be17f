package lake

import (
	"context"
	"fmt"
)

// KeysFrom returns keys of objects that the ledger knows and that begin with a text, in order; at most n of them. It reads the index
// of keys from there on, so it costs the same whether the ledger has a thousand objects or a million.
func (l *Lake) KeysFrom(ctx context.Context, prefix string, n int) (keys []string, err error) {
	q := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Distinct().Column("source_key").
		Where("source_key >= ?", prefix).Where("substr(source_key, 1, ?) = ?", len([]rune(prefix)), prefix).OrderExpr("source_key").Limit(n)
	if end := after(prefix); end != "" {
		q = q.Where("source_key < ?", end)
	}
	if err := q.Scan(ctx, &keys); err != nil {
		return nil, fmt.Errorf("look for keys in the ledger: %w", err)
	}
	return keys, nil
}

// after is the first text behind all that begin with a prefix, "" where there is none: its last byte counted up. A byte that UTF-8 does
// not end a character with is left alone, because databases refuse such texts.
func after(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := prefix[len(prefix)-1]
	if last >= 0x7f {
		return ""
	}
	return prefix[:len(prefix)-1] + string(rune(last+1))
}
