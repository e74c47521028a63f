"""Taking over the history that another tool has kept, and keeping its table in step for a while."""
