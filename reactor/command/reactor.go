// Package command is the reactor's command line: a file a verb, with its flags, their validation, one call into the package
// that does the work, and the printing of what comes back.
package command

// Reactor is the commands of the program reactor.
type Reactor struct {
	datasetFlags

	Run       runCmd       `cmd:"" help:"Consume events, promote bronze to silver and gold, until stopped."`
	Reload    reloadCmd    `cmd:"" help:"Have the running reactor take the files of datasets and models as they are now."`
	Catalog   catalogCmd   `cmd:"" help:"Serve the lake as an Iceberg REST catalog, without a reactor."`
	Replay    replayCmd    `cmd:"" help:"Publish the events of bronze objects again."`
	Import    importCmd    `cmd:"" help:"Make objects or files that exist already bronze of a dataset."`
	Publish   publishCmd   `cmd:"" help:"Make a branch of replay --branch main, in all tables at once; list branches; drop one."`
	Dataset   datasetCmd   `cmd:"" help:"Datasets: check a file, try it on objects, or have one proposed."`
	Stage     stageCmd     `cmd:"" help:"Make a branch for another engine to write onto, such as Spark, and list its objects."`
	Adopt     adoptCmd     `cmd:"" help:"Take note of what another engine has written onto a branch, so that it can be published."`
	Plan      planCmd      `cmd:"" help:"Show what a start of the reactor would change, and what waits."`
	Reconcile reconcileCmd `cmd:"" help:"Publish the events that never came, by comparing bronze with the ledger."`
	DLQ       dlqCmd       `cmd:"" name:"dlq" help:"Dead letters: events that no retry can mend."`
	Tables    tablesCmd    `cmd:"" help:"List the tables of the lake."`
	Schema    schemaCmd    `cmd:"" help:"Show the columns of the tables; as JSON, all that another engine needs to compute them."`
	Snapshots snapshotsCmd `cmd:"" help:"List the snapshots of a table."`
	Files     filesCmd     `cmd:"" help:"List the data files of a table, or those that a read of some days opens."`
	Changes   changesCmd   `cmd:"" help:"Show the rows that were inserted, deleted and updated between two snapshots."`
	Tag       tagCmd       `cmd:"" help:"Name a snapshot, so that it never expires; list the names; drop one."`
	Rollback  rollbackCmd  `cmd:"" help:"Make an earlier snapshot of a table the current one."`
	Trace     traceCmd     `cmd:"" help:"Show what a row is made of, back to the objects in bronze."`
	Query     queryCmd     `cmd:"" help:"Run SQL over silver and gold."`
	PG        pgCmd        `cmd:"" name:"pg" help:"Serve the tables, for reading, to clients of PostgreSQL: psql, Grafana, SQLAlchemy."`
	Check     checkCmd     `cmd:"" help:"Prove the tables: recompute them from bronze and compare every row."`
	Repair    repairCmd    `cmd:"" help:"Bring every table back to what bronze gives: show what that changes, or with --yes do it."`
	Maintain  maintainCmd  `cmd:"" help:"Merge small files, expire snapshots, remove objects that no table names."`
	Audit     auditCmd     `cmd:"" help:"Look for rows of gold that must not exist."`
	Backup    backupCmd    `cmd:"" help:"Copy the catalog and the ledger into a folder."`
	Restore   restoreCmd   `cmd:"" help:"Put a backup in the place of the catalog, and heal what does not fit the bucket."`
	Retract   retractCmd   `cmd:"" help:"Delete an object from bronze for good, and its rows from silver and gold."`
	Drop      dropCmd      `cmd:"" help:"Remove a table of gold whose model is gone."`
	Wait      waitCmd      `cmd:"" help:"Wait until an object is in gold."`
	Extract   extractCmd   `cmd:"" help:"Decode objects for another engine, into a stream of Arrow."`
	Decode    decodeCmd    `cmd:"" hidden:"" help:"Decode an object that killed its reader; the reactor runs this."`
}
