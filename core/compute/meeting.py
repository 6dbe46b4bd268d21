"""How the processes of a group find each other: with a word on who is missing, and a limit."""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta

from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

from ..console import Console
from ..errors import IceblockError
from .launched import Launched, way_out

WAIT = "ICEBLOCK_GROUP_WAIT"
"""Variable with the seconds to wait, for machines that start programs slowly."""
SECONDS = 120.0
QUIET = 5.0
"""Seconds after which those beside the first say whom they wait for, too."""
POLL_SECONDS = 0.1
_CALL = timedelta(seconds=10)
_KEEP = timedelta(minutes=30)


def meet(group: Launched, console: Console) -> Store:
    """Wait until all processes of a group are there.

    Parameters
    ----------
    group
        Two processes or more.
    console
        Where it is said whom this process waits for.

    Returns
    -------
    store
        Through which they can tell each other their addresses.

    Raises
    ------
    IceblockError
        If one of them has not come within two minutes, or as long as `WAIT` says.
    """
    began, limit = time.monotonic(), _limit()
    said = False
    store: Store | None = None
    while True:
        console.heartbeat()
        if store is None:
            store = _open(group)
        missing = _missing(group, store)
        if store is not None and not missing:
            return store
        waited = time.monotonic() - began
        if waited > limit:
            raise IceblockError(_nobody_came(group, missing, limit))
        if not said and (group.rank == 0 or waited > QUIET):
            console.say(
                f"process {group.rank} of {group.size} ({group.launcher}) waits for "
                f"{_named(missing)}, at most {limit:g} seconds"
            )
            said = True
        time.sleep(POLL_SECONDS)


def _limit() -> float:
    try:
        return max(0.0, float(os.environ.get(WAIT) or SECONDS))
    except ValueError:
        raise IceblockError(
            f"{WAIT} is {os.environ[WAIT]!r} in the environment: set a number of seconds, or "
            "unset it"
        ) from None


def _open(group: Launched) -> Store | None:
    """Open what the first process (or torchrun) offers, and be seen there; None before that."""
    host, port = group.variables["MASTER_ADDR"], int(group.variables["MASTER_PORT"])
    by_agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    offers = group.rank == 0 and not by_agent
    if offers:
        host = "localhost"
    elif not _answers(host, port):  # torch would print a warning a second
        return None
    try:
        store: Store = TCPStore(host, port, group.size, offers, _CALL, wait_for_workers=False)
    except RuntimeError as error:
        if not offers:
            return None
        raise IceblockError(
            f"The first of {group.size} processes ({group.launcher}) cannot offer port {port} to "
            f"the others, most often because another program uses it: set MASTER_PORT to another "
            f"number and give the command again. {way_out(group)}"
        ) from error
    store.set_timeout(_KEEP)
    if by_agent:
        store = PrefixStore(f"iceblock/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    store.set(_key(group.rank), "here")
    return store


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _missing(group: Launched, store: Store | None) -> list[int]:
    """Give the processes that have not been seen; only the first where even that is not there."""
    if store is None:
        return [0]
    return [rank for rank in range(group.size) if not store.check([_key(rank)])]


def _key(rank: int) -> str:
    return f"process {rank}"


def _named(ranks: list[int]) -> str:
    shown = ", ".join(map(str, ranks[:8])) + (", …" if len(ranks) > 8 else "")
    return f"process {shown}" if len(ranks) == 1 else f"processes {shown}"


def _nobody_came(group: Launched, missing: list[int], limit: float) -> str:
    return (
        f"Process {group.rank} of {group.size} ({group.launcher}) waited {limit:g} seconds for "
        f"{_named(missing)} in vain. {way_out(group)} If the others start slowly, set {WAIT} to "
        "more seconds."
    )
