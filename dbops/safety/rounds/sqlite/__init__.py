"""Rounds on SQLite: scratch files in a temporary folder, and what is read of them."""
