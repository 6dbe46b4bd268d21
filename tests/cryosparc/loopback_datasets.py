"""How the loopback server joins the slots of inputs and outputs, and what it asks of a job.

Slots are joined by uid over the files that hold them, as the documentation of the client says.
"""

from collections.abc import Sequence
from typing import Any

from cryosparc.dataset import Dataset
from cryosparc.models.job import Job
from cryosparc.models.job_spec import JobBuildError, OutputResult

from .loopback_world import Reject, World

Slots = str | list[str]
"""`default`, `passthrough`, `all`, or names."""


def need(job: Job, states: Sequence[str], what: str) -> None:
    """Refuse a call that does not fit the status of the job."""
    if job.status not in states:
        raise Reject(422, f"cannot {what} while {job.uid} is {job.status}")


def external(job: Job) -> None:
    """Refuse a call that only external jobs know."""
    if job.spec.type != "snowflake":
        raise Reject(422, f"{job.uid} is not an external job")


def _wanted(slots: Slots, name: str, passthrough: bool) -> bool:
    if isinstance(slots, list):
        return name in slots
    if slots not in ("all", "default", "passthrough"):
        # In a query a list of one word looks like that word.
        raise Reject(422, f"slots is {slots!r}, which is no choice of slots")
    return slots == "all" or (slots == "passthrough") == passthrough


def read_results(
    world: World, project: str, results: Sequence[tuple[str, OutputResult]]
) -> Dataset[Any]:
    """Join results, each under a new name, from the files that hold them."""
    files: dict[str, list[tuple[str, str]]] = {}
    for name, result in results:
        if result.metafiles:
            files.setdefault(result.metafiles[-1], []).append((result.name, name))
    parts = []
    for metafile, names in files.items():
        part = Dataset.load(world.folder(project) / metafile)
        part = part.filter_prefixes([old for old, _ in names])
        for old, new in names:
            if new != old:
                part.rename_prefix(old, new)
        parts.append(part)
    if not parts:
        raise Reject(422, "no dataset available")
    return Dataset.innerjoin_many(*parts) if len(parts) > 1 else parts[0]


def load_output(world: World, job: Job, name: str, slots: Slots) -> Dataset[Any]:
    """Load an output of a job."""
    output = job.spec.outputs.root.get(name)
    if output is None:
        raise Reject(404, f"{job.uid} has no output {name}")
    if isinstance(slots, list) and (missing := set(slots) - {r.name for r in output.results}):
        raise Reject(422, f"output {name} has no slots {sorted(missing)}")
    chosen = [(r.name, r) for r in output.results if _wanted(slots, r.name, r.passthrough)]
    return read_results(world, job.project_uid, chosen)


def load_input(world: World, job: Job, name: str, slots: Slots) -> Dataset[Any]:
    """Load what is connected to an input, one connection after the other."""
    found = job.spec.inputs.root.get(name)
    if found is None:
        raise Reject(404, f"{job.uid} has no input {name}")
    if not found.connections:
        raise Reject(422, f"input {name} has no connections")
    parts = []
    for connection in found.connections:
        chosen = []
        for result in connection.results:
            label = result.name or result.result
            if _wanted(slots, label, result.name is None):
                source = world.job(job.project_uid, result.job_uid).spec.outputs.root[result.output]
                chosen.append((label, next(r for r in source.results if r.name == result.result)))
        parts.append(read_results(world, job.project_uid, chosen))
    return Dataset.append_many(*parts) if len(parts) > 1 else parts[0]


def check(job: Job) -> None:
    """Note what is missing before a job may start, and derive the slots that pass through."""
    job.build_errors = []
    for name, found in job.spec.inputs.root.items():
        if len(found.connections) < found.count_min:
            _complain(job, name, f"needs at least {found.count_min} connections")
        for connection in found.connections:
            have = {result.name for result in connection.results}
            for slot in found.slots:
                if slot.required and slot.name not in have:
                    _complain(job, name, f"slot {slot.name} missing from {connection.job_uid}")
    for output in job.spec.outputs.root.values():
        if output.passthrough not in job.spec.inputs.root:
            continue
        own = {slot.name for slot in output.slots}
        former = {result.name: result for result in output.results}
        results = [r for r in output.results if r.name in own and not r.passthrough]
        for connection in job.spec.inputs.root[output.passthrough].connections[:1]:
            for result in connection.results:
                label = result.name or result.result
                if label not in own:
                    new = OutputResult(name=label, dtype=result.dtype, passthrough=True)
                    results.append(former.get(label, new))
        output.results = results


def _complain(job: Job, name: str, message: str) -> None:
    job.build_errors.append(
        JobBuildError(
            type="value_error",
            loc=["inputs", name],
            input=None,
            input_type="none",
            ctx={"error": message},
        )
    )
