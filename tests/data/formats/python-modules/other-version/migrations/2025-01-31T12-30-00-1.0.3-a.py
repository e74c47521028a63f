# ä
name = "ä"; version = "1.0.4"


def up(db): ...
