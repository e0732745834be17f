-- Promoted asks for the objects of a table that were put between two times. Without this index each deleted version read all
-- entries of its table.
CREATE INDEX IF NOT EXISTS millrace_ledger_by_time ON millrace_ledger (table_name, modified_ms);
-- Undone asks for the removals that a rollback took back, before the first commit after it. A put pays nothing for this one.
CREATE INDEX IF NOT EXISTS millrace_ledger_removed ON millrace_ledger (table_name, sequence_number) WHERE outcome = 'removed';
