-- What gold's audits found in the rows of a step, and in rows that they kept from being committed. People read it; no work depends on it.
CREATE TABLE millrace_audits (
	table_name TEXT NOT NULL,
	step BIGINT NOT NULL,
	passed BOOLEAN NOT NULL,
	days BIGINT NOT NULL,
	first_day TEXT NOT NULL,
	last_day TEXT NOT NULL,
	findings TEXT NOT NULL,
	audited_us BIGINT NOT NULL,
	PRIMARY KEY (table_name, step, passed)
);
