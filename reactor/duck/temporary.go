package duck

import (
	"fmt"
	"os"
)

// OpenTemporary opens a database that spills what does not fit its memory into a folder of the system's temporary folder. close
// closes it and removes the folder.
func OpenTemporary(cfg Config) (db *DB, close func(), err error) {
	dir, err := os.MkdirTemp("", "millrace-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for rows that do not fit memory: %w", err)
	}
	remove := func() { _ = os.RemoveAll(dir) } // what stays is in the system's temporary folder
	cfg.TempDir = dir
	if db, err = Open(cfg); err != nil {
		remove()
		return nil, nil, err
	}
	return db, func() { db.Close(); remove() }, nil
}

// Temporary opens a database for the time of work. It holds what fits memory ("256MiB") and spills the rest. It is locked.
func Temporary(memory string, work func(*DB) error) error {
	db, end, err := OpenTemporary(Config{MemoryLimit: memory})
	if err != nil {
		return err
	}
	defer end()
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
