"""Data for a database: fixture sets, demo data at any size, rows for any schema."""
