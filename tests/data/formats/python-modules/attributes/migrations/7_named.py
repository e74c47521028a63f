import os

version: str = "007"
name = "another-name"
transactional = False
lock_timeout = "500ms"
statement_timeout = 0
deadline = 90
other = os.sep.join("ab")


def up(*given, more=None): ...
