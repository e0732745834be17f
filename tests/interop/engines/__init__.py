"""Other people's engines, as the interop tests drive them: one file an engine, all with the same calls."""
