"""The schema of a PostgreSQL database as data."""
