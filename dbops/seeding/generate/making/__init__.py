"""Making the rows that a plan describes, block by block."""
