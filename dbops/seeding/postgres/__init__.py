"""PostgreSQL as seeding uses it: rows wait in temporary tables and are checked, resolved and merged there by SQL."""
