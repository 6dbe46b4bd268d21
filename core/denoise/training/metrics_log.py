"""metrics.csv: a row for each record of a training run; a resumed run goes on in it."""

from __future__ import annotations

import csv
from pathlib import Path

from ...images.disk import write_file, writing

Row = dict[str, float]


class MetricsLog:
    """A table of numbers that grows by rows; a number that a row lacks is an empty cell.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []

    def restore(self, step: int) -> None:
        """Read the file back and forget what a killed run wrote after its last checkpoint.

        Parameters
        ----------
        step
            Of the checkpoint.
        """
        self.rows = [row for row in read_metrics(self.path) if row["step"] <= step]
        self._rewrite()

    def append(self, row: Row) -> None:
        """Add a row; columns that are new to the table come last."""
        known = list(self.rows[0]) if self.rows else []
        self.rows.append(row)
        if not known or set(row) - set(known):
            self._rewrite()
            return
        with writing(self.path), self.path.open("a", newline="") as file:
            csv.DictWriter(file, known).writerow(row)

    def _rewrite(self) -> None:
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        # The first row names all columns, so that a later `append` knows them.
        self.rows[:1] = [dict.fromkeys(columns, float("nan")) | row for row in self.rows[:1]]
        lines = [",".join(columns)]
        lines += [",".join(_cell(row.get(name)) for name in columns) for row in self.rows]
        write_file(self.path, "\n".join(lines) + "\n" if columns else "")


def read_metrics(path: Path) -> list[Row]:
    """Read the rows of a metrics.csv; a last row that was cut off is left out."""
    if not path.is_file():
        return []
    rows = []
    with path.open(newline="") as file:
        for cells in csv.DictReader(file):
            if None in cells or None in cells.values():
                continue
            numbers: Row = {name: float(cell) for name, cell in cells.items() if cell}
            rows.append({**numbers, "step": int(numbers["step"])})
    return rows


def _cell(value: float | None) -> str:
    return "" if value is None or value != value else repr(value)
