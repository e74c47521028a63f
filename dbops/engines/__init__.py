"""The database engines: each supplies primitives and SQL, never a workflow."""
