"""Which group of processes the environment describes; standard library only.

A shell inherits variables of the launcher that started it, and what is started by hand in that
shell is no part of a group: it would wait for processes that nobody started. Only a description
that is whole and agrees with itself is believed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from .srun import ranks_of_step

TORCH = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets for every process that it starts."""
_SAME = (
    ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_NPROCS"),
    ("SLURM_STEP_ID", "SLURM_STEPID"),
    ("SLURM_JOB_ID", "SLURM_JOBID"),
)
"""Variables that srun sets to the same value."""
_STEP = (
    "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_STEP_NODELIST", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID",
)  # fmt: skip
_ALONE = "so this process works alone"


@dataclass(frozen=True)
class Launched:
    """What started this process, and its place among those that were started with it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT and more, as torchrun sets them; empty alone."""
    note: str | None = None
    """Which variables were not believed, and why."""
    launcher: str = ""
    """The variables that were believed, for a message."""

    @property
    def rank(self) -> int:
        """Place among all processes; 0 alone."""
        return int(self.variables.get("RANK", 0))

    @property
    def size(self) -> int:
        """How many processes there are; 1 alone."""
        return int(self.variables.get("WORLD_SIZE", 1))

    @property
    def local(self) -> int:
        """Place among the processes on this machine; 0 alone."""
        return int(self.variables.get("LOCAL_RANK", 0))

    @property
    def local_size(self) -> int:
        """Count the processes on this machine, where torchrun tells; 1 elsewhere."""
        return int(self.variables.get("LOCAL_WORLD_SIZE", 1))


def launched(environment: Mapping[str, str]) -> Launched:
    """Read the group of processes that torchrun or srun started, if they started this process.

    Parameters
    ----------
    environment
        Of this process.

    Returns
    -------
    launched
        With a note where variables are left over from something else.
    """
    given = [name for name in TORCH if environment.get(name)]
    if len(given) == len(TORCH):
        return _by_torchrun(environment)
    leftover = {"RANK", "WORLD_SIZE"} & set(given)
    rest = {name: value for name, value in environment.items() if name not in leftover}
    step = _by_srun(rest)
    if leftover and not step.variables:
        here = " and ".join(name for name in TORCH if name in leftover)
        missing = ", ".join(name for name in TORCH if name not in given)
        return Launched(
            note=f"The environment has {here} but not {missing}: that describes no group of "
            f"processes, {_ALONE}."
        )
    return step


def refusal(environment: Mapping[str, str], what: str, instead: str) -> str | None:
    """Say that something is done by one process, where several were started to do it.

    Parameters
    ----------
    environment
        Of this process.
    what
        Is done by one process, as in "A whole run".
    instead
        What to do where several were wanted.

    Returns
    -------
    sentence
        None where this process is alone.
    """
    group = launched(environment)
    if group.size < 2:
        return None
    return (
        f"{what} is one process, and this is process {group.rank} of {group.size} "
        f"({group.launcher}): {instead}, and start it without torchrun and without several tasks "
        f"of srun. {way_out(group)}"
    )


def way_out(group: Launched) -> str:
    """Tell who started one process how to get rid of the description of a group."""
    unset = "unset " + " ".join(name for name in group.variables if name in os.environ)
    if group.launcher.startswith("SLURM"):
        unset = "unset SLURM_STEP_NUM_TASKS"
    return f"If only one was started, give `{unset}` in the shell that it is started from."


def _by_torchrun(environment: Mapping[str, str]) -> Launched:
    words = ", ".join(f"{name}={environment[name]}" for name in TORCH)
    more = ("LOCAL_RANK", "LOCAL_WORLD_SIZE")
    numbers = {
        name: environment[name] for name in (*TORCH, *more) if name in environment
    }  # fmt: skip
    counted = all(v.isdecimal() for name, v in numbers.items() if name != "MASTER_ADDR")
    if not counted or not int(numbers["RANK"]) < int(numbers["WORLD_SIZE"]):
        return Launched(note=f"The environment's {words} describe no group of processes, {_ALONE}.")
    return Launched(numbers, launcher=words) if int(numbers["WORLD_SIZE"]) > 1 else Launched()


def _by_srun(environment: Mapping[str, str]) -> Launched:
    tasks = environment.get("SLURM_STEP_NUM_TASKS", "")
    if tasks in ("", "0", "1") or "SLURM_PROCID" not in environment:
        return Launched()
    rank = environment["SLURM_PROCID"]
    words = f"SLURM_STEP_NUM_TASKS={tasks}, SLURM_PROCID={rank}"
    missing = [name for name in _STEP if not environment.get(name)]
    differ = [
        (one, other)
        for one, other in _SAME
        if environment.get(one, "") != environment.get(other, environment.get(one, ""))
    ]
    counted = all(
        environment.get(name, "0").isdecimal() for name in (*_STEP, "SLURM_LOCALID")
        if name != "SLURM_STEP_NODELIST"
    )  # fmt: skip
    if "SLURM_PTY_PORT" in environment and environment.get("SLURM_TASK_PID") != str(os.getpid()):
        why = "This shell was started by srun with --pty, and what runs in it is no task of srun"
    elif missing:
        why = f"The environment has {words} but not {', '.join(missing)}"
    elif differ:
        both = ", ".join(f"{name}={environment[name]}" for name in differ[0])
        why = f"The environment's {both} disagree: they are left over from another step of SLURM"
    elif not counted or int(rank) >= int(tasks):
        why = f"The environment's {words} describe no group of processes"
    else:
        return Launched(ranks_of_step(environment), launcher=words)
    return Launched(note=f"{why}, {_ALONE}.")
