// Package duck runs DuckDB inside the process and moves rows in and out of it as Arrow record batches.
//
// duckdb-go's Arrow interface needs a build tag. This package uses the C bindings below it instead, so that a plain
// `go build ./...` works. It knows SQL and Arrow and nothing about the lake.
package duck

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Config says what a database may use. The zero value is a locked in-memory database with one thread for each core that never
// spills to disk. A locked database sees no file, no network, no extension and no other database, and no statement can change
// that, so users' SQL can run in it.
type Config struct {
	// Path is the database file; empty keeps the database in memory.
	Path string
	// MemoryLimit bounds memory, such as "150MiB"; empty leaves DuckDB's default, 80 % of the machine's.
	MemoryLimit string
	// TempDir takes rows that do not fit into MemoryLimit; if it is empty, such queries fail. DuckDB's default would be a
	// folder .tmp in the process's working directory.
	TempDir string
	// TempDirLimit bounds TempDir, such as "2GiB"; empty means that only the disk bounds it.
	TempDirLimit string
	// Threads is the number of threads; 0 means one for each core.
	Threads int
	// Unlocked lets statements reach files and the network and change settings. The programs never set it; tests do, to
	// read Parquet files.
	Unlocked bool
}

// DB is a database. Its connections share its tables; only one goroutine at a time may use a connection.
type DB struct {
	handle bindings.Database
	end    sync.Once
	ended  chan struct{} // see Ended
	used   sync.RWMutex  // read by each statement and while rows are open; Compress locks it, if it can without a wait
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

// settle makes the settings that need an open database.
func (db *DB) settle(cfg Config) error {
	c, err := db.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	sql := "set global TimeZone = 'UTC'" // days are UTC days in any zone of the machine
	if !cfg.Unlocked {
		sql += "; set global lock_configuration = true" // must be the last: it forbids further settings
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
		// The SQL decides the order of rows, never the order in which threads finish.
		{"preserve_insertion_order", "true"},
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
	}
	if cfg.MemoryLimit != "" {
		os = append(os, option{"memory_limit", cfg.MemoryLimit})
	}
	if cfg.TempDirLimit == "" {
		// DuckDB's default limit is 90 % of the space that is free when it first looks, and never changes: when a full disk was
		// freed later, queries kept failing. Without a limit they fail only while the disk is full.
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
