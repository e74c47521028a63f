"""The commands: the only package that prints, asks and exits."""
