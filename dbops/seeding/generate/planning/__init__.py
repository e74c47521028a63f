"""Deciding how each table's rows are made; `planner.py` beside this package leads through it."""
