package pgwire

import _ "embed"

// catalogSchema is where the catalog's views and functions are.
const catalogSchema = "pg"

// catalog makes as much of PostgreSQL's system catalog as clients read.
//
//go:embed catalog.sql
var catalog string
