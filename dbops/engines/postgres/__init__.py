"""PostgreSQL: its connections, its SQL grammar, its catalog."""
