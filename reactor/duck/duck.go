// Package duck runs DuckDB inside the process and moves rows in and out of it as Arrow record batches.
//
// duckdb-go hides its Arrow interface behind a build tag; this package builds on the C bindings below it instead, so that
// a plain `go build ./...` works. It knows SQL and Arrow and nothing of the lake.
package duck

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Config says what a database may use. The zero value is an in-memory database with one thread for each core that never
// spills to disk and is locked: it sees no file, no network, no extension and no other database, and no statement can
// change any of that. SQL that users write can run in it.
type Config struct {
	// Path of the database file; empty keeps it in memory.
	Path string
	// MemoryLimit such as "150MiB"; empty leaves DuckDB's own default, 80 % of the machine.
	MemoryLimit string
	// TempDir is where queries beyond MemoryLimit spill; empty means that they fail instead. DuckDB's default would be
	// a folder .tmp in whatever directory the process was started in.
	TempDir string
	// TempDirLimit such as "2GiB" bounds TempDir; empty leaves that to the disk.
	TempDirLimit string
	// Threads to use; 0 means one for each core.
	Threads int
	// Unlocked lets statements reach files and the network and change settings. Nothing that the programs open is; tests
	// read Parquet files so.
	Unlocked bool
}

// DB is one database. Connections share its tables; each is for one goroutine at a time.
type DB struct {
	handle bindings.Database
	end    sync.Once
	ended  chan struct{} // see Ended
}

// Open opens the database that cfg describes.
func Open(cfg Config) (*DB, error) {
	var c bindings.Config
	if bindings.CreateConfig(&c) == bindings.StateError {
		return nil, fmt.Errorf("open duckdb: allocate its configuration")
	}
	defer bindings.DestroyConfig(&c)
	for _, o := range cfg.options() {
		if bindings.SetConfig(c, o.name, o.value) == bindings.StateError {
			return nil, fmt.Errorf("open duckdb: it refuses %s = %q", o.name, o.value)
		}
	}
	db := &DB{ended: make(chan struct{})}
	var reason string
	if bindings.OpenExt(cfg.Path, &db.handle, c, &reason) == bindings.StateError {
		return nil, fmt.Errorf("open duckdb %s: %s", cfg.where(), reason)
	}
	if err := db.settle(cfg); err != nil {
		db.Close()
		return nil, fmt.Errorf("open duckdb %s: %w", cfg.where(), err)
	}
	return db, nil
}

// settle makes the settings that exist only once the database is open.
func (db *DB) settle(cfg Config) error {
	c, err := db.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	sql := "set global TimeZone = 'UTC'" // days are UTC days whatever the machine's zone is
	if !cfg.Unlocked {
		sql += "; set global lock_configuration = true" // the last one: nothing can be set after it
	}
	return c.Exec(context.Background(), sql)
}

func (cfg Config) where() string {
	if cfg.Path == "" {
		return "in memory"
	}
	return cfg.Path
}

type option struct{ name, value string }

func (cfg Config) options() []option {
	os := []option{
		{"temp_directory", cfg.TempDir},
		// Order is what the SQL says, never what a thread happened to finish first.
		{"preserve_insertion_order", "true"},
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
	}
	if cfg.MemoryLimit != "" {
		os = append(os, option{"memory_limit", cfg.MemoryLimit})
	}
	if cfg.TempDirLimit == "" {
		// DuckDB's own limit is 90 % of what is free when it first looks, and stays so: a disk that was full then and is freed
		// later kept failing. A disk that is full fails by itself, for as long as it is.
		cfg.TempDirLimit = "1024TiB"
	}
	os = append(os, option{"max_temp_directory_size", cfg.TempDirLimit})
	if cfg.Threads > 0 {
		os = append(os, option{"threads", strconv.Itoa(cfg.Threads)})
	}
	if !cfg.Unlocked {
		os = append(os, option{"enable_external_access", "false"})
	}
	return os
}

// Connect opens a connection.
func (db *DB) Connect() (*Conn, error) {
	c := &Conn{db: db}
	if bindings.Connect(db.handle, &c.handle) == bindings.StateError {
		return nil, fmt.Errorf("connect to duckdb: the database is closed or out of memory")
	}
	return c, nil
}

// Close frees the database once its connections are closed.
func (db *DB) Close() { bindings.Close(&db.handle) }
