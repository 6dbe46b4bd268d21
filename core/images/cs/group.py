"""Group files of CryoSPARC (`.csg`), which name the tables that make a set of particles."""

import re
from pathlib import Path

from ...errors import IceblockError
from ..input_file import read_whole

_LINE = re.compile(
    r"""^ +(?:(?P<slot>\w+):|metafile: *['"]?>?(?P<file>[^'"\n]+\.cs)['"]?) *$""", re.M
)


def tables_of(group: Path) -> tuple[str | None, list[str]]:
    """Give the table that has the images of a group, and the others, as the group names them.

    Raises
    ------
    IceblockError
        For a file that is missing or no text.
    """
    try:
        text = read_whole(group).decode()
    except UnicodeDecodeError as error:
        raise IceblockError(f"{group} is no group file of CryoSPARC; name a .cs file") from error
    tables: dict[str, str] = {}
    slot = ""
    for line in _LINE.finditer(text):
        if line["slot"]:
            slot = line["slot"]
        else:
            tables[slot] = line["file"]
    images = tables.get("blob")
    return images, [name for name in dict.fromkeys(tables.values()) if name != images]


def group_refused(group: Path) -> IceblockError:
    """Make the error for a group in the place of a table: it names the tables in the group."""
    images, others = tables_of(group)
    if images is None:
        what = f"names {', '.join(others)}, none of them for images" if others else "names no table"
        return IceblockError(f"{group} is a group file of CryoSPARC that {what}; name a .cs file")
    more = "".join(f" and --passthrough {group.parent / name}" for name in others)
    return IceblockError(
        f"{group} is a group file of CryoSPARC; give the table in it that has the images, "
        f"{group.parent / images}{more}"
    )
