"""A small project in which runs are disturbed, and what they must leave behind in the end."""

import contextlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import torch

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, save_model

from ..gate import Gate
from ..warm import Started, WarmServer

STAR = Path("Extract/job003/particles.star")
HEAD = """data_optics

loop_
_rlnOpticsGroup #1
_rlnImagePixelSize #2
_rlnImageSize #3
1 4.0 32

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
"""
QUICK = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)


def workers(number: int) -> list[int]:
    """Processes that denoise: those that the run of this number started with its own words."""
    tasks = Path(f"/proc/{number}/task")
    found = []
    for child in [int(n) for path in tasks.glob("*/children") for n in path.read_text().split()]:
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return sorted(found)


@dataclass
class Room:
    """A project folder, and the outputs of a run that nothing disturbed."""

    folder: Path
    server: WarmServer
    expected: dict[str, bytes]
    seconds: float = 0.0
    """The undisturbed run took so long."""
    touches: int = 0
    """The undisturbed run touched files so often."""

    @property
    def gate(self) -> Gate:
        """Of the programs in this folder."""
        return Gate(self.folder)

    def start_to_gate(
        self, out: Path, *arguments: object, stacks: int = 0, processes: int = 1,
        program: str = "iceblock",
    ) -> Started:  # fmt: skip
        """Start a run; it, or all its processes, waits with one stack more than `stacks` denoised.

        That stack still has its hidden name, and no other is begun.
        """
        self.gate.shut(f"{out}/Particles/*.mrcs", after=stacks)
        if processes > 1:
            arguments = ("--processes", processes, *arguments)
        started = self.start(out, *arguments, program=program)
        started.wait(until=lambda: self.gate.reached(processes))
        assert started.poll() is None, started.said
        return started

    def start(
        self, out: Path, *arguments: object, largest_file: int | None = None,
        program: str = "iceblock",
    ) -> Started:  # fmt: skip
        """Start `iceblock denoise`, or the RELION job in `out`, and leave it running."""
        if program == "iceblock":
            words = ["denoise", STAR, "--out", out, "--model", "tiny.safetensors", "-q"]
            words += ["--device", "cpu", "--batch-size", "4"]
        else:
            words = ["--o", f"{out}/", "--in_parts", STAR, "--model", "tiny.safetensors"]
            words += ["--device", "cpu", "--batch_size", "4", "--j", "1"]
        asked = [program, *map(str, [*words, *arguments])]
        return self.server.start(asked, self.folder, self.folder / f"{out.name}.log", largest_file)

    def run(self, out: Path, *arguments: object, **options: object) -> Started:
        """Run it to its end."""
        started = self.start(out, *arguments, **options)  # type: ignore[arg-type]
        started.wait()
        return started

    def wrong(self, out: Path) -> list[str]:
        """Name the outputs that differ from those of the undisturbed run, or do not belong."""
        found = outputs(self.folder, out)
        return sorted(
            name for name in {*found, *self.expected} if found.get(name) != self.expected.get(name)
        )

    def finish(self, out: Path, *arguments: object, **options: object) -> Started:
        """Give the command again; it must end well, with the bytes of the undisturbed run."""
        last = self.run(out, *arguments, **options)
        assert last.poll() == 0, last.said
        assert self.wrong(out) == []
        return last


def outputs(folder: Path, out: Path) -> dict[str, bytes]:
    """Read all outputs whose bytes are determined; the folder's own name is left out of them.

    The report and the record hold times; RELION's and the queue's files are not the run's.
    """
    skip = ("run.json", "report.pdf", "logfile.pdf", "RELION_", ".iceblock.lock")
    name = f"@{out}/".encode()
    return {
        str(path.relative_to(folder / out)): path.read_bytes().replace(name, b"@OUT/")
        for path in sorted((folder / out).rglob("*"))
        if path.is_file() and not path.name.startswith(skip)
    }


def make_room(
    folder: Path, server: WarmServer, stacks: int = 4, images: int = 41,
    network: GeneratorConfig = QUICK,
) -> Room:  # fmt: skip
    """Write a project with some images that cannot be denoised, and run it undisturbed."""
    rng = np.random.default_rng(0)
    names = []
    for k in range(stacks):
        name = f"Extract/job003/{k}/mic.mrcs"
        data = rng.standard_normal((images - k, 32, 32)).astype(np.float32)
        data[[3 * k, 17]] = 0
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(folder / name) as file:
            file.set_data(data)
        names += [f"{index:06d}@{name} 1" for index in range(1, len(data) + 1)]
    (folder / STAR).write_text(HEAD + "\n".join(rng.permutation(names)) + "\n")
    torch.manual_seed(0)
    card = ModelCard("tiny", 4.0, (0.01, 2.0), (3.7, 5.5), (32, 96), (5000.0, 35000.0))
    save_model(folder / "tiny.safetensors", Generator(network), card)
    room = Room(folder, server, {})
    for _ in range(2):  # the first run warms the disk up
        shutil.rmtree(folder / "Undisturbed", ignore_errors=True)
        room.gate.count()
        begin = time.monotonic()
        done = room.run(Path("Undisturbed"))
        room.seconds = time.monotonic() - begin
        assert done.poll() == 0, done.said
    room.gate.open()
    room.touches = room.gate.counted
    room.expected = outputs(folder, Path("Undisturbed"))
    return room
