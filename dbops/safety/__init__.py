"""What a migration would lock, break, undo and leave behind, told before it runs."""
