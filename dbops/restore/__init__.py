"""Putting a backup back: beside the live database, compared, then in its place by two renames."""
