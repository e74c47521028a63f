"""What is special about SQLite; what it has in common with PostgreSQL is in `tests/contract`."""
