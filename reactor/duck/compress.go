package duck

import "context"

// Compress has DuckDB compress the rows that came into the database since the last time, and tells whether it did. It does so when it can: while
// nothing else runs in the database. A checkpoint that finds no memory ends the whole database, and only statements that run, and rows that
// are open, keep memory that others cannot have.
func (c *Conn) Compress(ctx context.Context) (ok bool, err error) {
	if !c.db.used.TryLock() {
		return false, nil
	}
	defer c.db.used.Unlock()
	const sql = "checkpoint"
	err = c.interruptible(ctx, sql, func() string { return c.run(sql, nil) })
	if OutOfMemory(err) || says(err, "TransactionContext Error: Cannot CHECKPOINT") {
		return false, nil
	}
	return err == nil, err
}
