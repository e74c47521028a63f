"""Migrations: read from files, planned as data, run one by one, and written down."""
