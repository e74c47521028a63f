"""What is wrong with migration files: squawk's rules, and those that only dbops can know."""
