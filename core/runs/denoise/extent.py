"""How much a denoising run would make, and how long that would take."""

from __future__ import annotations

from dataclasses import dataclass

from ...images.output_plan import OutputPlan
from ..durations import format_duration

HEADER = 1024
"""Bytes before the images of a stack."""
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Extent:
    """What a run makes.

    Attributes
    ----------
    images
        That are denoised.
    size
        Of the denoised stacks, bytes.
    """

    images: int
    size: int

    @classmethod
    def of(cls, plan: OutputPlan, dtype: str) -> Extent:
        """Measure a plan whose images are written as float32 or float16."""
        each = 2 if dtype == "float16" else 4
        counts = [len(job.indices) for job in plan.jobs]
        pixels = sum(n * job.stack.box_x**2 for n, job in zip(counts, plan.jobs, strict=True))
        return cls(sum(counts), each * pixels + HEADER * len(counts))

    def words(self, images_per_second: float | None) -> str:
        """Say time and disk, as in `about 3 min 20 s, and 1.2 GB of disk`."""
        disk = f"{format_size(self.size)} of disk"
        if not images_per_second:
            return disk
        return f"about {format_duration(max(1.0, self.images / images_per_second))}, and {disk}"


def format_size(size: float) -> str:
    """Write bytes as `3 kB`, `1.5 MB` or `220 GB`."""
    place = 0
    while size >= 999.5 and place < len(_UNITS) - 1:
        size, place = size / 1000, place + 1
    digits = 1 if place and size < 9.95 else 0
    return f"{size:.{digits}f} {_UNITS[place]}"
