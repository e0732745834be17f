package duck

import (
	"context"
	"errors"
)

// Compress has DuckDB compress the rows that came into the database since the last time. It does so when it can: while other connections
// write, the rows stay as they are until the next call.
func (c *Conn) Compress(ctx context.Context) error {
	err := c.Exec(ctx, "checkpoint")
	if errors.As(err, new(*Error)) {
		return nil
	}
	return err
}
