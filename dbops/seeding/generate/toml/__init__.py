"""`generate.toml`: a plan as a file that people edit."""
