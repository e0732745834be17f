package landing

import (
	"millrace/ingestor/bronze"
	"millrace/ingestor/source"
)

// Outcome is what became of one answer.
type Outcome string

// The outcomes.
const (
	Put          Outcome = "put"           // a new object
	AlreadyThere Outcome = "already there" // the same bytes had been put before
	NoData       Outcome = "no data"       // the source has nothing; an empty list is kept all the same
	Skipped      Outcome = "skipped"       // not asked for
)

// Landed is the result of one answer. Without a key, nothing was put.
type Landed struct {
	Dataset  string
	Subject  string     // what it is about, such as an asset's slug; empty when it is about all of them
	From, To bronze.Day // the days that were asked for; none when it is of the moment
	Items    int        // rows in the object
	Bytes    int
	Outcome  Outcome
	Key      string
	Reason   string // why there is no data or nothing was asked for, or what is odd about the object; else empty
}

// HasData reports whether the object is there and has rows.
func (l Landed) HasData() bool { return l.Outcome == Put || l.Outcome == AlreadyThere }

// SkippedOf returns what was not asked for as results.
func SkippedOf(dataset string, all []source.Skipped) []Landed {
	var results []Landed
	for _, s := range all {
		results = append(results, Landed{Dataset: dataset, Subject: s.Subject, Outcome: Skipped, Reason: s.Reason})
	}
	return results
}
