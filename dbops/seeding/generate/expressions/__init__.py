"""SQL expressions of checks, indexes and generated columns, evaluated without the server."""
