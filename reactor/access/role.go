// Package access decides who may do what over HTTP: which role a token is, where a table may lie, and which keys to the object
// storage its role gets for that place.
package access

// Role is who asks, as `stack env --role` names it.
type Role string

// The roles that have a token. The ingestor and the reactor have none: they speak to S3 and NATS alone.
const (
	Owner    Role = "owner"    // reads and writes tables
	Analyst  Role = "analyst"  // reads
	Reporter Role = "reporter" // reads; it may put reports, which are no tables
)

// MayWrite tells whether the role may change tables. A role that nobody knows may not.
func (r Role) MayWrite() bool { return r == Owner }
