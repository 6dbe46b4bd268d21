"""A STAR reader for the tests that shares nothing with the one under test."""

from dataclasses import dataclass, field
from pathlib import Path

IMAGE = "_rlnImageName"
ORIGINAL = "_rlnImageOriginalName"
RAW = "_rlnIceblockRawImageName"
OLDER = "_rlnIceblockOlderOriginalName"


@dataclass
class Table:
    block: str
    tags: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def column(self, tag: str) -> list[str]:
        place = self.tags.index(tag)
        return [row[place] for row in self.rows]

    def without(self, *tags: str) -> "Table":
        kept = [place for place, tag in enumerate(self.tags) if tag not in tags]
        rows = [[row[place] for place in kept] for row in self.rows]
        return Table(self.block, [self.tags[place] for place in kept], rows)

    def same_as(self, other: "Table") -> bool:
        mine = (self.block, self.tags, self.rows)
        return mine == (other.block, other.tags, other.rows)


def read_tables(path: Path) -> list[Table]:
    """Every table of a file, a list of pairs being a table of one row, tokens as they stand."""
    tables: list[Table] = []
    in_loop = False
    for line in path.read_bytes().decode("utf-8").splitlines():
        values, comment = split_line(line)
        if not values:
            continue
        if values[0].startswith("data_"):
            tables.append(Table(values[0]))
            in_loop = False
        elif values[0] == "loop_":
            in_loop = True
        elif values[0].startswith("_") and len(values) == 1:
            tables[-1].tags.append(values[0])
            tables[-1].remarks.append(comment)
        elif values[0].startswith("_") and not in_loop:
            table = tables[-1]
            table.tags.append(values[0])
            table.rows = table.rows or [[]]
            table.rows[0].append(values[1])
        else:
            tables[-1].rows.append(values)
    return tables


def split_line(line: str) -> tuple[list[str], str]:
    """The tokens of a line, with their quotes, and the comment behind them."""
    tokens: list[str] = []
    place = 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        if line[place] == "#":
            return tokens, line[place:].strip()
        end = place + 1
        quote = line[place] if line[place] in "'\"" else ""
        while end < len(line):
            if quote and line[end - 1] == quote and end - 1 > place and line[end].isspace():
                break
            if not quote and line[end].isspace():
                break
            end += 1
        tokens.append(line[place:end])
        place = end
    return tokens, ""


def particles_of(tables: list[Table]) -> Table:
    return next(table for table in tables if IMAGE in table.tags)
