"""`001_init_schema.sql`: both sections in one file, the DOWN section commented out (the trading engine's format)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.migrations.formats.base import Claim, Plain
from dbops.migrations.formats.naming import described, separator

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d+(?:\.\d+)*)(?:[_-](?P<name>.+))?\.sql", re.ASCII | re.DOTALL)

TEMPLATE = """\
-- Migration: {version}_{name}
-- Description: {description}
-- Author:
-- Date: {date}

-- ============================================================================
-- UP Migration
-- ============================================================================



-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*

*/
"""


class SingleFile(Plain):
    """One file with banners; the DOWN part in a comment, or as plain SQL."""

    name = "single"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Names that begin with a version and end in `.sql`."""
        return claim_single(file_name)

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Up to the DOWN banner is up; what is commented out behind it is down.  Without a banner all is up."""
        from dbops.migrations.content import FileSettings, Migration
        from dbops.migrations.formats import cutting, marks, reading

        sections = marks.sections(up)
        undo = cutting.down_section(up, sections)
        return Migration(
            file=file,
            up=cutting.up_section(up, sections),
            down=undo,
            raw_checksum=up.raw_checksum,
            description=sections.header.get("description"),
            up_settings=sections.settings,
            verify=cutting.verify_section(up, sections),
            down_settings=reading.settings_of(undo) if undo else FileSettings(),
        )

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """One file from the template."""
        text = TEMPLATE.format(
            version=version,
            name=name,
            description=described(name),
            date=datetime.datetime.now().astimezone().date(),
        )
        return {f"{version}{separator(like)}{name}.sql": text}


def claim_single(file_name: str) -> Claim | None:
    """What a name that begins with a version says."""
    match = _NAME.fullmatch(file_name)
    return match and Claim(match["version"], match["name"] or match["version"])
