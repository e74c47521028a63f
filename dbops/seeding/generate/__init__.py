"""Rows for a schema that dbops has never seen: read, decided, and made so that every constraint holds."""
