-- A catalog as commit 664d465 made and filled it, before catalogs had a version: what that program wrote, dumped. SQLite and
-- PostgreSQL both read this file (FALSE and TRUE stand for SQLite's 0 and 1).
CREATE TABLE "iceberg_namespace_properties" ("catalog_name" VARCHAR NOT NULL, "namespace" VARCHAR NOT NULL, "property_key" VARCHAR NOT NULL, "property_value" VARCHAR, PRIMARY KEY ("catalog_name", "namespace", "property_key"));
INSERT INTO "iceberg_namespace_properties" VALUES('lakehouse','silver','exists','true');
INSERT INTO "iceberg_namespace_properties" VALUES('lakehouse','gold','exists','true');
CREATE TABLE "iceberg_tables" ("catalog_name" VARCHAR NOT NULL, "table_namespace" VARCHAR NOT NULL, "table_name" VARCHAR NOT NULL, "iceberg_type" VARCHAR, "metadata_location" VARCHAR, "previous_metadata_location" VARCHAR, PRIMARY KEY ("catalog_name", "table_namespace", "table_name"));
INSERT INTO "iceberg_tables" VALUES('lakehouse','silver','asset_prices','TABLE','s3://lakehouse/silver/asset_prices/metadata/00001-33333333-3333-3333-3333-333333333333.metadata.json','s3://lakehouse/silver/asset_prices/metadata/00000-11111111-1111-1111-1111-111111111111.metadata.json');
INSERT INTO "iceberg_tables" VALUES('lakehouse','gold','rankings','TABLE','s3://lakehouse/gold/rankings/metadata/00003-22222222-2222-2222-2222-222222222222.metadata.json',NULL);
CREATE TABLE millrace_branches (
	name TEXT PRIMARY KEY,
	run TEXT NOT NULL,
	ready BOOLEAN NOT NULL,
	made_us BIGINT NOT NULL
);
INSERT INTO "millrace_branches" VALUES('trial','20261128T120000Z-c3',FALSE,1795860600123456);
INSERT INTO "millrace_branches" VALUES('done','20261128T130000Z-d4',TRUE,1795860660123456);
CREATE TABLE millrace_ledger (
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
INSERT INTO "millrace_ledger" VALUES('0a','asset_prices','bronze/coincap/history/ingest_date=2026-11-28/bitcoin_d1.json','v1',1795860060123,'done','',6917529027641081857,1,'20261128T110000Z-b2',1795860420123456);
INSERT INTO "millrace_ledger" VALUES('0b','asset_prices','bronze/coincap/history/ingest_date=2026-11-28/it''s "odd"? \ é.json','v2',1795860180123,'done','',6917529027641081858,2,'20261128T100000Z-a1',1795860240123456);
INSERT INTO "millrace_ledger" VALUES('0c','','bronze/unknown/x.json','',1795860300123,'dead','no dataset reads it: $1, ? and ''quotes''',0,0,'',1795860360123456);
CREATE TABLE millrace_pins (
	step BIGINT NOT NULL,
	table_name TEXT NOT NULL,
	snapshot_id BIGINT NOT NULL,
	sequence_number BIGINT NOT NULL,
	committed_us BIGINT NOT NULL,
	PRIMARY KEY (step, table_name)
);
INSERT INTO "millrace_pins" VALUES(1,'silver.asset_prices',6917529027641081857,1,1795860480123456);
INSERT INTO "millrace_pins" VALUES(2,'silver.asset_prices',6917529027641081858,2,1795860540123456);
INSERT INTO "millrace_pins" VALUES(2,'silver.asset_snapshots',0,0,1795860540123456);
CREATE TABLE millrace_runs (
	run TEXT NOT NULL,
	event_id TEXT NOT NULL,
	PRIMARY KEY (run, event_id)
);
INSERT INTO "millrace_runs" VALUES('20261128T100000Z-a1','0b');
INSERT INTO "millrace_runs" VALUES('20261128T110000Z-b2','0a');
CREATE TABLE millrace_staged (
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
INSERT INTO "millrace_staged" VALUES('trial','0a','asset_prices','bronze/coincap/history/ingest_date=2026-11-28/bitcoin_d1.json','v1',1795860060123,'dead','row 3: price is no number',0,0,'20261128T120000Z-c3',1795860720123456);
CREATE INDEX millrace_ledger_by_key ON millrace_ledger (source_key);
CREATE INDEX millrace_ledger_by_sequence ON millrace_ledger (table_name, sequence_number);
