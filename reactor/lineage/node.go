package lineage

import (
	"time"

	"millrace/reactor/gold/plan"
)

// Kind says what a node of a lineage is.
type Kind string

// The kinds of nodes.
const (
	Row    Kind = "row"    // the row that was asked for
	Rows   Kind = "rows"   // the rows of a table that it may be made of
	Model  Kind = "model"  // the SQL that made it, or made those
	Object Kind = "object" // a version of an object in bronze that gave rows
)

// Node is a line of a lineage. What its kind does not have is nil or empty.
type Node struct {
	Depth int
	Kind  Kind
	Table string
	Name  string

	Rows     *int64        // with the row's key; of an object, the rows that it gave
	Others   *int64        // with other keys, which a model may compare with
	Days     *plan.Range   // of rows and of what a model reads
	Observed *Observed     // of an object's rows
	Model    *ModelFile    // of a model
	Source   *SourceObject // of an object
	Commit   *Commit       // that wrote the row or rows, or took the object in
	// Values of the row, by column.
	Values map[string]any
}

// Observed is the first and last moment that an object's rows are of.
type Observed struct{ From, To time.Time }

// ModelFile is the file of a model, and the digest of what it computes.
type ModelFile struct{ File, Digest string }

// SourceObject is a version of an object in bronze.
type SourceObject struct {
	Key, Version string
	Rows         []any // their numbers in the object
	ModifiedAt   time.Time
	Gone         bool // it is not in the bucket any more
	Altered      bool // it gives other rows: somebody else changed them in the table
	// RequestURL and FetchedAt are what its metadata says of the request that brought it, "" where it says nothing.
	RequestURL, FetchedAt string
	// Event and Outcome are the ledger's; "" where it does not know the object.
	Event, Outcome string
}

// Commit is the snapshot that shows something.
type Commit struct {
	SnapshotID int64
	At         time.Time
	Run        string // the replay that brought it, or ""
	MadeBy     string // what its summary says of it
}
