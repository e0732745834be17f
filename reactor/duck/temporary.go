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

// OpenConn opens the database that cfg describes for a single connection. close frees both.
func OpenConn(cfg Config) (conn *Conn, close func(), err error) {
	db, err := Open(cfg)
	if err != nil {
		return nil, nil, err
	}
	if conn, err = db.Connect(); err != nil {
		db.Close()
		return nil, nil, err
	}
	return conn, func() { conn.Close(); db.Close() }, nil
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
