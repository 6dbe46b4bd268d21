"""The outputs of a job: declared at the start, saved at the end, and seen to have arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.errors import IceblockError

from .connection import Connection
from .joblog import JobLog


class JobOutputs(JobLog):
    """The outputs of a job; see `Job`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._declared: set[str] = set()
        self._saved: set[str] = set()

    def declare(
        self,
        name: str,
        kind: str,
        slots: Sequence[str | Mapping[str, object]],
        passthrough: str | None,
        title: str,
    ) -> None:
        """Declare an output and the slots that change; all others pass through by uid.

        A slot that is not named as its type is given as the client's own description of slots.
        """
        external = self._external
        self._ask(
            f"adding the output {name}",
            lambda: external.add_output(kind, name, list(slots), passthrough, title),
        )
        self._declared.add(name)

    def save(self, name: str, data: Mapping[str, Any]) -> None:
        """Save an output, load it again, and compare.

        Parameters
        ----------
        name
            Of the output.
        data
            Its fields, (N, …) each. With `uid` the items are those of an input, without it they
            are new ones. Fields of the output's slots that are missing here become 0 or empty: the
            server refuses a slot that lacks a field.
        """
        self._watch.check()
        external = self._external
        rows = np.asarray(data["uid"]) if "uid" in data else len(next(iter(data.values())))
        full = self._ask(f"allocating the output {name}", lambda: external.alloc_output(name, rows))
        fields = full.fields()
        for field in fields:
            if field in data:
                full[field] = data[field]
        self._ask(f"saving the output {name}", lambda: external.save_output(name, full))
        found = self._ask(
            f"loading the output {name} again", lambda: external.load_output(name, "default")
        )
        for field in fields:
            if field not in found.fields() or not _same(found[field], full[field]):
                raise IceblockError(
                    f"The output {name} of {self.uid} came back from CryoSPARC with another "
                    f"{field} than was saved; please report this with the versions of CryoSPARC "
                    "and cryosparc-tools."
                )
        self._saved.add(name)

    def require_all_saved(self) -> None:
        """Raise RuntimeError where an output was declared and not saved."""
        if unsaved := self._declared - self._saved:
            raise RuntimeError(f"the job did not save its output {min(unsaved)}")


def _same(first: Any, second: Any) -> bool:
    numbers = np.asarray(first).dtype.kind == "f"
    return np.array_equal(first, second, equal_nan=numbers)
