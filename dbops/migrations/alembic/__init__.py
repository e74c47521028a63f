"""The revisions of an Alembic project, rendered into pairs by Alembic itself."""
