"""dbops: the life of an application's PostgreSQL database, as commands and as a library."""

__version__ = "0.1.0"
