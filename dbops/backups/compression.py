"""How files are compressed."""

from __future__ import annotations

import enum
import sys
from types import ModuleType

CHUNK = 1 << 20


class Compression(enum.Enum):
    """How a file is compressed.  The values are stored in manifests."""

    ZSTD = "zstd"
    GZIP = "gzip"
    NONE = "none"

    @property
    def suffix(self) -> str:
        return {Compression.ZSTD: ".zst", Compression.GZIP: ".gz", Compression.NONE: ""}[self]


def zstd() -> ModuleType:
    """The zstd module: the standard library's from Python 3.14 on, its backport before."""
    if sys.version_info >= (3, 14):
        from compression import zstd as module
    else:
        from backports import zstd as module
    return module
