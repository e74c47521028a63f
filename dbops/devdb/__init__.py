"""The development database: which server, the project's private cluster, and setting it up."""
