"""Outputs of other jobs, as the user names them: `J12.particles_selected`, or `J12` alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import IceblockError

from .connection import Connection

if TYPE_CHECKING:
    from cryosparc.dataset import Dataset

_NAME = re.compile(r"(J\d+)(?:\.([A-Za-z]\w*))?")


@dataclass(frozen=True)
class Source:
    """An output of a job, checked to be there.

    Attributes
    ----------
    project, workspace
        Where the job is; the first one of several workspaces.
    job, output
        Their names.
    kind
        CryoSPARC's data type: particle, exposure, volume.
    slots
        Data type of each slot.
    count
        Number of items.
    """

    project: str
    workspace: str
    job: str
    output: str
    kind: str
    slots: dict[str, str]
    count: int

    def __str__(self) -> str:
        return f"{self.job}.{self.output}"


def find_source(
    connection: Connection, project: str, text: str, kind: str, needed: Sequence[str]
) -> Source:
    """Find an output; with the job alone, its only one of that kind.

    Parameters
    ----------
    connection, project
        Where to look.
    text
        As the user gave it.
    kind
        The data type that it must have.
    needed
        Slots that it must have.

    Raises
    ------
    IceblockError
        If there is no such output, it has no items yet, or it lacks a slot.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None:
        raise IceblockError(f"{text!r} names no output of a job: write it as J12.particles.")
    uid, name = match.groups()
    job = connection.ask(
        f"finding job {uid} of project {project}",
        lambda: connection.client.find_job(project, uid),
    )
    of_kind = {key: value for key, value in job.outputs.items() if value.type == kind}
    listed = ", ".join(f"{uid}.{key}" for key in of_kind) or "none"
    if name is None and len(of_kind) == 1:
        name = next(iter(of_kind))
    if name is None or name not in of_kind:
        raise IceblockError(
            f"{uid} of {project} has no {kind} output {name}: it has {listed}."
            if name
            else f"{uid} of {project} does not have one {kind} output but {listed}: name one."
        )
    output = of_kind[name]
    ready = {result.name: result.dtype for result in output.results if result.metafiles}
    if not ready:
        raise IceblockError(
            f"{uid}.{name} of {project} has no items ({uid} is {job.status}): let the job finish."
        )
    missing = [slot for slot in needed if slot not in ready]
    if missing:
        raise IceblockError(
            f"{uid}.{name} of {project} has no {' and no '.join(missing)} (it has "
            f"{', '.join(ready)}): name the output of a job that made them."
        )
    return Source(
        project, job.model.workspace_uids[0], uid, name, kind, ready, output.num_items or 0
    )


def load_source(connection: Connection, source: Source, slots: Sequence[str]) -> Dataset[Any]:
    """Load slots of an output; with none named, all of them."""
    job = connection.ask(
        f"finding {source.job}", lambda: connection.client.find_job(source.project, source.job)
    )
    data = connection.ask(f"loading {source}", lambda: job.load_output(source.output))
    return only(data, slots, str(source)) if slots else data


def only(data: Dataset[Any], slots: Sequence[str], what: str) -> Dataset[Any]:
    """Keep some slots of a dataset.

    All are asked for and the others dropped here: a list of one slot reaches a server as a plain
    word, which it may take for something else.
    """
    missing = [slot for slot in slots if slot not in data.prefixes()]
    if missing:
        raise IceblockError(
            f"{what} came without {' and '.join(missing)} (it has {', '.join(data.prefixes())}): "
            "name the output of a job that made them."
        )
    return data.filter_prefixes(list(slots))


def find_inputs(connection: Connection, project: str, uid: str, name: str) -> list[str]:
    """Name the outputs that are connected to an input of a job, as users name them.

    Empty where the job has no such input.
    """
    job = connection.ask(
        f"finding job {uid} of project {project}",
        lambda: connection.client.find_job(project, uid),
    )
    found = job.inputs.get(name)
    return [f"{c.job_uid}.{c.output}" for c in found.connections] if found else []
