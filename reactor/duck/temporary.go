package duck

import (
	"fmt"
	"os"
)

// Temporary opens a locked database while work runs. It holds rows up to the memory limit ("256MiB") and spills the rest into a
// folder in the system's temporary folder, which is removed afterwards.
func Temporary(memory string, work func(*DB) error) error {
	dir, err := os.MkdirTemp("", "millrace-")
	if err != nil {
		return fmt.Errorf("make a folder for rows that do not fit memory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // if this fails, the system's temporary folder keeps it
	db, err := Open(Config{MemoryLimit: memory, TempDir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	return work(db)
}

// TemporaryConn does what Temporary does, with a connection to the database.
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
