"""Value spaces: which values there are, by number."""
