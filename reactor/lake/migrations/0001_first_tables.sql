-- The tables of a catalog, as millrace made them before it counted versions: IF NOT EXISTS lets this migration adopt such a catalog.
-- SQLite and PostgreSQL both read this file. Do not change it: a change is a migration of its own.

-- Iceberg's JDBC catalog, schema V1: other engines read and write these two.
CREATE TABLE IF NOT EXISTS iceberg_tables (
	catalog_name VARCHAR NOT NULL,
	table_namespace VARCHAR NOT NULL,
	table_name VARCHAR NOT NULL,
	iceberg_type VARCHAR,
	metadata_location VARCHAR,
	previous_metadata_location VARCHAR,
	PRIMARY KEY (catalog_name, table_namespace, table_name)
);
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
	catalog_name VARCHAR NOT NULL,
	namespace VARCHAR NOT NULL,
	property_key VARCHAR NOT NULL,
	property_value VARCHAR,
	PRIMARY KEY (catalog_name, namespace, property_key)
);

-- millrace's own tables share the database, so that one transaction can write both. Other engines do not look at them.
CREATE TABLE IF NOT EXISTS millrace_ledger (
	event_id TEXT PRIMARY KEY,
	table_name TEXT NOT NULL,
	source_key TEXT NOT NULL,
	source_version TEXT NOT NULL,
	modified_ms BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	reason TEXT NOT NULL,
	snapshot_id BIGINT NOT NULL,
	sequence_number BIGINT NOT NULL,
	run TEXT NOT NULL,
	committed_us BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS millrace_ledger_by_key ON millrace_ledger (source_key);
CREATE INDEX IF NOT EXISTS millrace_ledger_by_sequence ON millrace_ledger (table_name, sequence_number);

-- The events that each replay had, beside the ledger, whose row names the last replay only.
CREATE TABLE IF NOT EXISTS millrace_runs (
	run TEXT NOT NULL,
	event_id TEXT NOT NULL,
	PRIMARY KEY (run, event_id)
);

-- The snapshots of silver that each step of gold was computed from.
CREATE TABLE IF NOT EXISTS millrace_pins (
	step BIGINT NOT NULL,
	table_name TEXT NOT NULL,
	snapshot_id BIGINT NOT NULL,
	sequence_number BIGINT NOT NULL,
	committed_us BIGINT NOT NULL,
	PRIMARY KEY (step, table_name)
);

-- What the commits of a branch would have written into the ledger, until the branch is published.
CREATE TABLE IF NOT EXISTS millrace_branches (
	name TEXT PRIMARY KEY,
	run TEXT NOT NULL,
	ready BOOLEAN NOT NULL,
	made_us BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS millrace_staged (
	branch TEXT NOT NULL,
	event_id TEXT NOT NULL,
	table_name TEXT NOT NULL,
	source_key TEXT NOT NULL,
	source_version TEXT NOT NULL,
	modified_ms BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	reason TEXT NOT NULL,
	snapshot_id BIGINT NOT NULL,
	sequence_number BIGINT NOT NULL,
	run TEXT NOT NULL,
	committed_us BIGINT NOT NULL,
	PRIMARY KEY (branch, event_id)
);
