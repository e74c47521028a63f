description = "a" + "b"


def up(db): ...
