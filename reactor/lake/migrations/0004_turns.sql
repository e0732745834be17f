-- Who asks the other writers of a namespace to wait, so that a long piece of work comes through beside them.
CREATE TABLE millrace_turns (
	namespace TEXT PRIMARY KEY,
	holder TEXT NOT NULL,
	beat BIGINT NOT NULL
);
