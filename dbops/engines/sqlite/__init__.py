"""SQLite, on the driver of Python's standard library."""
