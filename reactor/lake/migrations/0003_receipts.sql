-- What was done for requests over HTTP that carry an idempotency key, so that one that is sent again is not done again.
CREATE TABLE millrace_receipts (
	key TEXT PRIMARY KEY,
	request TEXT NOT NULL,
	status BIGINT NOT NULL,
	refusal TEXT NOT NULL,
	until_us BIGINT NOT NULL
);
CREATE INDEX millrace_receipts_by_end ON millrace_receipts (until_us);
