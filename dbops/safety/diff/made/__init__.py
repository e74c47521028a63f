"""Statements in the server's own words that make what is in a schema, kind by kind: for what the library does not see."""
