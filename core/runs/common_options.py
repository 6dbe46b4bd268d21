"""Options that several runs have."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ..errors import IceblockError
from .option import COMMAND, CRYOSPARC, RELION, option
from .options import Options, option_class


@option_class(kw_only=True)
class Output(Options):
    """What a run may do with its output folder."""

    group: ClassVar[str] = "Output"

    overwrite: bool = option(
        "Replace what a run with other inputs or settings left in the output folder",
        default=False, faces=(COMMAND, RELION), changes_result=False,
    )  # fmt: skip
    report: str = "report.pdf"
    """Name of the report inside the output folder."""
    command: str = ""
    """As given, for the record."""


@option_class(kw_only=True)
class Threads(Options):
    """How many threads a run may have."""

    group: ClassVar[str] = "Computing"

    threads: int | None = option(
        "CPU threads, all together", default=None, otherwise="all", at_least=1,
        faces=(COMMAND, CRYOSPARC), changes_result=False,
    )  # fmt: skip


@option_class(kw_only=True)
class Device(Threads):
    """Where a run computes."""

    group: ClassVar[str] = "Computing"

    gpu: str | None = option(
        "GPU by number, several with commas, or cpu",
        default=None, metavar="N[,N…]|cpu", otherwise="as the device says",
        changes_result=False,
    )  # fmt: skip
    device: str = option(
        "Where to compute, in PyTorch's words; auto takes a GPU if there is one",
        default="auto", metavar="auto|cpu|cuda|cuda:N", changes_result=False,
    )  # fmt: skip

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        super().check()
        self.gpus()
        if self.gpu is not None and self.device != type(self).device:
            raise IceblockError("--gpu and --device are both given: keep one of them.")

    def gpus(self) -> list[int]:
        """Give the numbers in `gpu`; empty where it has none."""
        return [] if self.gpu == "cpu" else gpu_numbers(self.gpu)

    def one_device(self) -> str:
        """Give the name of the device of a run that uses one.

        Raises
        ------
        IceblockError
            If several GPUs are asked for.
        """
        numbers = self.gpus()
        if len(numbers) > 1:
            raise IceblockError(f"--gpu is {self.gpu}, and this run uses one GPU: give one number.")
        return f"cuda:{numbers[0]}" if numbers else self.gpu or self.device


@option_class(kw_only=True)
class Compiling(Device):
    """How a run computes that may take hours."""

    group: ClassVar[str] = "Computing"

    compile: bool = option(
        "Compile the network first, which takes a minute and may pay for very many images",
        default=False,
    )  # fmt: skip


@option_class(kw_only=True)
class StackFolder(Options):
    """Where the stacks of particles lie."""

    group: ClassVar[str] = "Particles"

    datadir: Path | None = option(
        "The one folder where the stacks of a STAR file lie",
        default=None, otherwise="where it says", metavar="DIR", faces=(COMMAND, RELION),
        changes_result=False,
    )  # fmt: skip


@option_class(kw_only=True)
class ParticleFiles(StackFolder):
    """How to read particles."""

    group: ClassVar[str] = "Particles"

    pixel_size: float | None = option(
        "Pixel size of the particles in Å",
        default=None, unit="Å", above=0, otherwise="from their file, else from the stacks",
    )  # fmt: skip
    contrast: str = option(
        "Contrast of the particles; auto believes blob/sign of a .cs file, else the images",
        default="auto", choices=("auto", "white", "black"),
    )  # fmt: skip
    project_dir: Path | None = option(
        "CryoSPARC's project folder, where paths in a .cs file start",
        default=None, otherwise="found", metavar="DIR", faces=(COMMAND,), changes_result=False,
    )  # fmt: skip


@option_class(kw_only=True)
class Passthrough(ParticleFiles):
    """How to read particles whose rows are written again."""

    group: ClassVar[str] = "Particles"

    passthrough: tuple[Path, ...] = option(
        "A passthrough .cs file whose fields are added, by uid; may be given again",
        default=(), faces=(COMMAND,), changes_result=False,
    )  # fmt: skip


def gpu_numbers(text: str | None) -> list[int]:
    """Read numbers of GPUs, with commas (or colons, as in RELION) between them.

    Raises
    ------
    IceblockError
        If the text holds anything else, or a number twice.
    """
    if text is None:
        return []
    parts = [part.strip() for part in text.replace(":", ",").split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(parts)) < len(parts):
        raise IceblockError(
            f"--gpu is {text!r}: give cpu, or the numbers of GPUs with commas between them, such "
            "as 0 or 0,1."
        )
    return [int(part) for part in parts]
