"""What a statement does to relations that are there: the locks it takes, and what it reads, writes and destroys."""
