package duck

import (
	"fmt"
	"os"
)

// Temporary opens a database for the time of work. It holds what fits memory ("256MiB") and spills the rest into a folder of
// the system's temporary folder, which goes with it. It is locked.
func Temporary(memory string, work func(*DB) error) error {
	dir, err := os.MkdirTemp("", "millrace-")
	if err != nil {
		return fmt.Errorf("make a folder for rows that do not fit memory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the system's temporary folder
	db, err := Open(Config{MemoryLimit: memory, TempDir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	return work(db)
}

// TemporaryConn is Temporary with a connection to the database.
func TemporaryConn(memory string, work func(*Conn) error) error {
	return Temporary(memory, func(db *DB) error {
		conn, err := db.Connect()
		if err != nil {
			return err
		}
		defer conn.Close()
		return work(conn)
	})
}
