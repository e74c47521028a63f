"""Rows for a schema that dbops has never seen: read, decided, and made so that every constraint holds.

How it hangs together, from the top:

- `planner.py` decides table by table and gives a frozen `GeneratePlan` (`model.py`): parents first, of each table the
  foreign keys, then the keys, then what checks tie together, then each column that is left.  The steps are in
  `planning/`; what they ask of the database is in `probing.py`.
- `filling.py` carries a plan out: each table in a savepoint, so that what fails is named and the rest is filled.
- `making/` makes the rows of a plan, any block of them without the others.
- `spaces/` are the values, by number; `expressions/` evaluates checks, so that the server is asked only for what is
  not known here.
- `toml/` writes a plan as `generate.toml` and reads it again.
"""
