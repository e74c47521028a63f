"""Backups: made, proven, listed, checked, pruned, and their archives loaded into a database."""
