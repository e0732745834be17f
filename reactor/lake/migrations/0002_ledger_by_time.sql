-- Promoted asks for the objects of a table that were put between two times. Without this index each deleted version read all
-- entries of its table.
CREATE INDEX IF NOT EXISTS millrace_ledger_by_time ON millrace_ledger (table_name, modified_ms);
