package pgwire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// parameters are what every client is told at the start, and what SHOW says.
var parameters = map[string]string{
	"server_version": serverVersion, "server_encoding": "UTF8", "client_encoding": "UTF8", "DateStyle": "ISO, MDY", "IntervalStyle": "postgres",
	"TimeZone": "UTC", "integer_datetimes": "on", "standard_conforming_strings": "on", "is_superuser": "off", "default_transaction_read_only": "on",
	"in_hot_standby": "off", "application_name": "",
}

// shown are further settings that clients ask for by SHOW.
var shown = map[string]string{
	"transaction_isolation": "repeatable read", "transaction_read_only": "on", "search_path": "gold, silver", "max_identifier_length": "63",
	"server_version_num": "150000", "lc_collate": "C", "lc_ctype": "C",
}

// errAborted is the answer to every statement of a transaction after one that failed.
var errAborted = coded("25P02", errors.New("current transaction is aborted, commands ignored until end of transaction block"))

// ignored are statements that set up what is not there: clients send them and go on.
var ignored = []string{"set", "reset", "discard", "listen", "unlisten", "savepoint", "release"}

// controls tells whether a statement is about the session and gives no rows.
func controls(sql []token) bool {
	w := words(sql)
	return len(w) > 0 && (slices.Contains([]string{"begin", "start", "commit", "end", "rollback", "abort", "deallocate"}, w[0]) || slices.Contains(ignored, w[0]))
}

// ends tells whether a statement ends a transaction.
func ends(sql []token) bool {
	w := words(sql)
	return len(w) > 0 && slices.Contains([]string{"commit", "end", "rollback", "abort"}, w[0])
}

// control does what a statement about the session asks for; ok is false for any other statement. A transaction sees one state
// of the lake; outside of one each statement sees the newest.
func (c *connection) control(ctx context.Context, sql []token) (tag string, ok bool, err error) {
	if !controls(sql) {
		return "", false, nil
	}
	if c.failed && !ends(sql) {
		return "", true, errAborted
	}
	w := words(sql)
	switch w[0] {
	case "begin", "start":
		if !c.inside {
			c.makeWay()
			if err := c.session.Refresh(ctx); err != nil {
				return "", true, err
			}
		}
		c.inside = true
		return "BEGIN", true, nil
	case "commit", "end":
		tag = "COMMIT"
		if c.failed {
			tag = "ROLLBACK"
		}
		c.inside, c.failed = false, false
		return tag, true, nil
	case "rollback", "abort":
		c.failed = false
		if !slices.Contains(w, "to") { // a savepoint: nothing was changed since
			c.inside = false
		}
		return "ROLLBACK", true, nil
	case "deallocate":
		delete(c.statements, strings.Trim(w[len(w)-1], `"`))
	case "set":
		if slices.Contains(w, "search_path") {
			return "", true, coded("0A000", fmt.Errorf("the search path stays gold, silver: write the schema before the table"))
		}
	}
	return strings.ToUpper(w[0]), true, nil
}

// show is the select that answers SHOW of a setting; ok is false where DuckDB knows the answer (SHOW TABLES).
func show(w []string) (sql string, ok bool) {
	if len(w) < 2 || w[0] != "show" {
		return "", false
	}
	name := strings.Join(w[1:], "_")
	name = strings.TrimSuffix(name, "_level") // SHOW TRANSACTION ISOLATION LEVEL
	if name == "time_zone" {
		name = "TimeZone"
	}
	value, ok := shown[name]
	for known, v := range parameters {
		if strings.EqualFold(known, name) {
			value, ok = v, true
		}
	}
	return fmt.Sprintf(`select %s as "%s"`, quote(value), strings.ToLower(name)), ok
}
