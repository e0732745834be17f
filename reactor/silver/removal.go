package silver

import (
	"fmt"
	"strings"
	"time"
)

// Removal is the SQL (DuckDB) by which the rows of removed object versions leave a table, and the winners among what is left
// come back in their place. A row that lost is nowhere in the table: the objects that may have it are read again.
//
// Fill `removed`; make `existing` as for a merge; run Lost. No row in `lost` means that there is nothing to commit. Then pour
// the objects' rows into `incoming`, the newest object first: Needed drops those of other keys, and Awaited counts the keys
// that no object has had yet. At last Files gives the files to be replaced, and Rows the rows to be written in their place.
//
// Vanished stands in Lost's place for versions that are there and that another definition read before: the rows that they do not give
// any more have to go. It reads `incoming` too, which has what the versions give now.
type Removal struct {
	// Removed creates the table `removed`, empty: the lineage (source_key, source_version, source_modified_at) of versions.
	Removed string
	// Lost creates the table `lost`: the keys of the rows that have to go, with their `_file`.
	Lost     string
	Vanished string
	// Span selects the earliest observed time of lost rows and the latest modification of their objects, in µs.
	Span string
	// Needed drops the incoming rows whose key is not lost.
	Needed string
	// Awaited counts the lost keys that no incoming row has.
	Awaited string
	Files   string
	Rows    string
}

const lineageKey = `source_key, source_version, source_modified_at`

// RemovalSQL is the removal of this dataset's table. observed is its column of time.
func (d *Dataset) RemovalSQL(observed string) Removal {
	all := strings.Join(quoteAll("", columnNames(d.Schema())), ", ")
	key := strings.Join(quoteAll("", d.Key), ", ")
	same := make([]string, len(d.Key))
	for i, k := range quoteAll("", d.Key) {
		same[i] = "lost." + k + " = incoming." + k
	}
	lost := fmt.Sprintf(`create or replace temp table lost as select %s, %s, %s, _file from existing e semi join removed using (%s)`,
		key, quoteAll("", []string{observed})[0]+" as _observed", lineageKey, lineageKey)
	return Removal{
		Removed: `create or replace temp table removed (source_key varchar not null, source_version varchar not null, source_modified_at timestamptz not null)`,
		Lost:    lost,
		Vanished: lost + fmt.Sprintf(` where not exists (select 1 from incoming w where %s and w.source_key = e.source_key and w.source_version = e.source_version and %s)`,
			pairs(d.Key, "=", " and "), d.Winner.beatsSQL()),
		Span:    `select unnest([epoch_us(min(_observed)), epoch_us(max(source_modified_at))]) from lost`,
		Needed:  fmt.Sprintf(`delete from incoming where not exists (select 1 from lost where %s)`, strings.Join(same, " and ")),
		Awaited: fmt.Sprintf(`select count(*) from lost anti join incoming using (%s)`, key),
		Files:   `select distinct _file from lost order by _file`,
		Rows: fmt.Sprintf(`select * from (select %[1]s from incoming qualify row_number() over (partition by %[2]s order by %[3]s) = 1)
union all by name
select * exclude (_file) from existing semi join (select distinct _file from lost) using (_file) anti join lost using (%[2]s, %[4]s)`,
			all, key, d.Winner.orderSQL(), lineageKey),
	}
}

// EarliestPut returns the earliest time at which an object can have been put that has a row of an observed time: a row that
// is further ahead of its object is refused.
func EarliestPut(observed time.Time) time.Time { return observed.Add(-slack) }

// LatestPut returns the latest time at which an object can have been put that has a row which lost to one of an object of a time: where
// rows win by the order in which objects were stored, that time; else any.
func (d *Dataset) LatestPut(of time.Time) time.Time {
	if d.Winner.ByPut() {
		return of
	}
	return farthest
}
