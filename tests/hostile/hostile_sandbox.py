"""Run readers on broken files in a process of their own, which may crash, hang or be greedy.

The process has 2 GB of memory beyond what the libraries take, 5 s of processor time for each file,
writes inside one folder only, and starts no other program; what breaks these rules is a finding.
"""

from __future__ import annotations

import mmap
import os
import random
import resource
import shutil
import signal
import struct
import sys
import time
import traceback
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from core.errors import IceblockError

from .hostile_formats import inner_mutations
from .hostile_guard import GUARD, Escaped
from .hostile_mutations import Mutated, mutate
from .hostile_targets import KINDS, OUT, check_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MEMORY = 2 << 30
CPU_SECONDS, WALL_SECONDS = 5.0, 60.0
_FINDING_BYTES = 1 << 16


@dataclass(frozen=True)
class Finding:
    """A broken file that a reader did not take well."""

    kind: str
    number: int
    what: str
    """`exception`, `crash`, `hang` or `escape`."""
    detail: str
    """The traceback, or the signal."""

    @property
    def signature(self) -> str:
        """What findings of one cause have in common: the error and the last line of iceblock."""
        lines = self.detail.splitlines()
        own = [line.strip() for line in lines if "/core/" in line]
        last = lines[-1][:70] if lines else ""
        return f"{self.kind}: {self.what}: {last} | {own[-1] if own else ''}"


@dataclass
class Tally:
    """What became of the files."""

    read: int = 0
    refused: int = 0
    largest: int = 0
    """Bytes of memory at most beyond what the libraries take."""
    slowest: float = 0.0
    """Seconds of processor time for one file at most."""
    findings: list[Finding] = field(default_factory=list)


def victims(kind: str, project: Path) -> list[Path]:
    """Files of a project that are broken, from the project, in order."""
    found = {p for pattern in KINDS[kind].victims for p in project.glob(pattern) if p.is_file()}
    return sorted(path.relative_to(project) for path in found)


def broken(kind: str, project: Path, seed: int, number: int) -> tuple[Path, Mutated]:
    """Make broken file `number` of a kind: its victim and its new contents."""
    rng = random.Random(f"{seed} {kind} {number}")
    victim = rng.choice(victims(kind, project))
    return victim, mutate((project / victim).read_bytes(), rng, inner_mutations(victim))


def fuzz(
    kind: str, numbers: Iterable[int], seed: int, folder: Path,
    watch: Callable[[int], None] = lambda done: None,
) -> Tally:  # fmt: skip
    """Read broken files.

    Parameters
    ----------
    kind
        See `KINDS`.
    numbers, seed
        Of the files.
    folder
        A scratch folder; whole/ and work/ are made in it.
    watch
        Told now and then how many files are done.
    """
    whole = folder / "whole"
    if not whole.exists():
        whole.mkdir(parents=True)
        KINDS[kind].make(whole)
        _forget_times(whole)
    tally, todo = Tally(), list(numbers)
    shared = mmap.mmap(-1, mmap.PAGESIZE + _FINDING_BYTES)
    while todo:
        shared[: mmap.PAGESIZE] = bytes(mmap.PAGESIZE)
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(whole, work)
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _work(kind, todo, seed, whole, work, shared)
        _, status = os.waitpid(child, 0)
        done, read, refused, largest, slowest, length = struct.unpack("<4qdq", shared[:48])
        tally.read += read
        tally.refused += refused
        tally.largest, tally.slowest = max(tally.largest, largest), max(tally.slowest, slowest)
        if done < len(todo):
            what, detail = _ending(status, shared[mmap.PAGESIZE : mmap.PAGESIZE + length])
            tally.findings.append(Finding(kind, todo[done], what, detail))
            done += 1
        todo = todo[done:]
        watch(len(todo))
    shared.close()
    return tally


def _forget_times(project: Path) -> None:
    """Take out when files were made, so that the same seed makes the same ones."""
    for path in project.rglob("*"):
        if path.suffix in (".mrc", ".mrcs", ".map"):
            with path.open("r+b") as file:
                file.seek(224)
                file.write(bytes(800))
        elif path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in members.items():
                    archive.writestr(zipfile.ZipInfo(name), content)


def _ending(status: int, said: bytes) -> tuple[str, str]:
    """Tell how a process ended that did not finish."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGPROF, signal.SIGALRM):
            return "hang", "more than 5 s"
        return "crash", f"{signal.Signals(number).name}\n{said.decode(errors='replace')}"
    kind, _, detail = said.decode(errors="replace").partition("\n")
    return kind or "crash", detail or f"exit status {os.WEXITSTATUS(status)}"


def _work(
    kind: str, todo: list[int], seed: int, whole: Path, work: Path, shared: mmap.mmap
) -> NoReturn:
    """Read the files one after the other until one is a finding; runs in the child."""
    code = 1
    try:
        os.chdir(work)
        os.environ["HOME"] = str(work)
        (work / OUT).mkdir()
        warnings.simplefilter("error")
        # Pillow says of some damaged files what is wrong with them, and reads on.
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        base = _memory()
        _confine(work)
        read = refused = largest = 0
        slowest = 0.0
        for done, number in enumerate(todo):
            shared[:48] = struct.pack("<4qdq", done, read, refused, largest, slowest, 0)
            victim, mutated = broken(kind, whole, seed, number)
            write_mutated(victim, mutated)
            begin = time.process_time()
            if _read_one(kind, victim):
                read += 1
            else:
                refused += 1
            slowest = max(slowest, time.process_time() - begin)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            largest = max(largest, peak - base)
            shutil.copyfile(whole / victim, victim)
            _clear(Path(OUT))
        shared[:48] = struct.pack("<4qdq", len(todo), read, refused, largest, slowest, 0)
        code = 0
    except BaseException as error:
        _disarm()
        what = "escape" if isinstance(error, Escaped) else "exception"
        text = f"{what}\n{traceback.format_exc(limit=-25)}"[-_FINDING_BYTES // 4 :]
        if not text.startswith(what):
            text = f"{what}\n{text}"
        data = text.encode("utf-8", "backslashreplace")[:_FINDING_BYTES]
        shared[mmap.PAGESIZE : mmap.PAGESIZE + len(data)] = data
        shared[40:48] = struct.pack("<q", len(data))
    finally:
        os._exit(code)


def _read_one(kind: str, victim: Path) -> bool:
    """Read one file within its limits; False where it was refused with a sentence."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    GUARD.armed = True
    try:
        KINDS[kind].read(victim)
    except IceblockError as error:
        check_sentence(error)
        return False
    finally:
        _disarm()
    return True


def write_mutated(path: Path, mutated: Mutated) -> None:
    """Write a broken file, with holes where it is large."""
    with path.open("wb") as file:
        file.write(mutated.data)
        if mutated.size:
            file.truncate(mutated.size)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _memory() -> int:
    """Resident bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def _confine(work: Path) -> None:
    """Limit memory, and refuse writes outside and other programs."""
    virtual = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    limit = virtual + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    GUARD.folder = (work / OUT).resolve()
    sys.addaudithook(GUARD)


def _disarm() -> None:
    GUARD.armed = False
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
