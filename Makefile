# Thin names for bin/*; `make help` lists them.
.POSIX:
