"""What SLURM's srun says about a group of processes, in the words that torch knows."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PORTS = range(20000, 30000)


def ranks_of_step(environment: Mapping[str, str]) -> dict[str, str]:
    """Describe the processes that one srun started, as torchrun would.

    A batch script has no SLURM_STEP_NUM_TASKS: only what srun itself starts is a group. Whether the
    variables can be believed is for `launched` to tell.

    Parameters
    ----------
    environment
        Of this process.

    Returns
    -------
    variables
        RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; empty where torchrun has set
        them already and where srun started a single process. An address or a port that is set
        already stays.
    """
    size = int(environment.get("SLURM_STEP_NUM_TASKS", "1"))
    if "RANK" in environment or "SLURM_PROCID" not in environment or size < 2:
        return {}
    # Steps that run at the same time, of one job or of two, need ports of their own.
    job, step = (int(environment.get(f"SLURM_{name}_ID", "0")) for name in ("JOB", "STEP"))
    port = _PORTS[(16 * job + step) % len(_PORTS)]
    nodes = environment.get("SLURM_STEP_NODELIST", "localhost")
    return {
        "RANK": environment["SLURM_PROCID"],
        "WORLD_SIZE": str(size),
        "LOCAL_RANK": environment.get("SLURM_LOCALID", "0"),
        "MASTER_ADDR": environment.get("MASTER_ADDR", first_host(nodes)),
        "MASTER_PORT": environment.get("MASTER_PORT", str(port)),
    }


def first_host(nodes: str) -> str:
    """Give the first of a list such as `gpu[03-05,9],big1`: `gpu03`."""
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", nodes).partition(",")[0]
