"""What every engine owes: the same scenarios on PostgreSQL and on SQLite, through the command line."""
