"""Names of what is in a database, whatever the engine."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class QualifiedName:
    """A name as the catalog spells it (unquoted, folded); without a schema, the search path decides."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"
