"""Settings and where each came from; the only package that reads the environment."""
