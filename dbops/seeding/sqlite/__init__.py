"""SQLite as seeding uses it: rows are checked and resolved here, and written one by one, as no server is far away."""
