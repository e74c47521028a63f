"""The pending migrations run on a scratch database, and what each statement really locked, rewrote and built."""
