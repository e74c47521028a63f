"""Backups: made, kept, looked at, proven."""
