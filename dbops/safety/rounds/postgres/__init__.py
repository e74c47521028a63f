"""Rounds on PostgreSQL: scratch databases beside the target, and what is read of them."""
