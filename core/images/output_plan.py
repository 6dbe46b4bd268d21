"""Which input images become which output images.

Each input stack becomes one output stack with the images that the particles name, in the order of
the input stack and without gaps; particles that share an image share it in the output. A stack
whose particles have two pixel sizes, or are declared white and black, becomes two. A file that is
named in two ways counts as two.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from .mrc.reader import Stack
from .particle_set import ParticleSet
from .star.image_names import image_name, without_special

_LONGEST_STEM = 200  # bytes; names on most disks have 255 at most


@dataclass(frozen=True, eq=False)
class StackJob:
    """One output stack and where its images come from.

    Attributes
    ----------
    stack
        The input.
    name
        The input as the particles name it.
    output
        File name of the output, without a folder.
    pixel_size
        Å.
    indices
        (M,) int64 0-based images of the input, ascending, each once; output image j is made from
        input image `indices[j]`.
    rows
        (M,) int64 the first particle that shows each of `indices`.
    contrast
        1 for white particles, -1 for black ones, 0 where the metadata do not say.
    """

    stack: Stack
    name: str
    output: str
    pixel_size: float
    indices: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    contrast: int = 0

    def rows_of(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Give the particles that show some of `self.indices`."""
        return self.rows[np.searchsorted(self.indices, indices)]


@dataclass(frozen=True, eq=False)
class OutputPlan:
    """All output stacks of a set of particles, and the image of each particle.

    Attributes
    ----------
    jobs
        In the order in which the particles first need them.
    job_of_row
        (N,) int32 place in `jobs`; -1 for particles that were left out.
    position_of_row
        (N,) int64 0-based image in the output stack; 0 for particles that were left out.
    """

    jobs: tuple[StackJob, ...]
    job_of_row: npt.NDArray[np.int32]
    position_of_row: npt.NDArray[np.int64]

    @property
    def chosen(self) -> npt.NDArray[np.bool_]:
        """(N,) which particles have an image in the plan."""
        return np.asarray(self.job_of_row >= 0)

    @property
    def sources(self) -> int:
        """Stacks that are read: one with several pixel sizes or contrasts makes several."""
        return len({job.name for job in self.jobs})

    def image_names(self, folder: str) -> list[str]:
        """Give the (N,) names of the new images of the particles, in stacks that lie in `folder`.

        Particles that were left out get the name of some image.

        Parameters
        ----------
        folder
            As `ParticleSet.relative_name` gives it.
        """
        stacks = [str(PurePosixPath(folder) / job.output) for job in self.jobs]
        rows = zip(self.job_of_row.tolist(), self.position_of_row.tolist(), strict=True)
        return [image_name(position, stacks[job]) for job, position in rows]


def plan_output(
    particles: ParticleSet, headers: list[Stack], chosen: npt.NDArray[np.int64] | None = None
) -> OutputPlan:
    """Plan the output stacks of a set of particles.

    Parameters
    ----------
    particles
        N of them.
    headers
        As `validation.validate` gives them.
    chosen
        Rows of the particles that are wanted, ascending; None for all.
    """
    mine = np.arange(particles.n) if chosen is None else chosen
    _, size_ids = np.unique(particles.pixel_sizes, return_inverse=True)
    kinds = 3 * size_ids + particles.contrasts + 1
    keys = (particles.stack_ids.astype(np.int64) * 3 * particles.n + kinds)[mine]
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    # np.unique sorts by key; the jobs go by their first particle.
    rank = np.argsort(np.argsort(first))
    job_of_row = np.full(particles.n, -1, dtype=np.int32)
    job_of_row[mine] = rank[places]
    firsts = mine[np.sort(first)]
    stacks = particles.stack_ids[firsts].tolist()
    inputs = [particles.stacks[stack] for stack in stacks]
    outputs = output_names(inputs, particles.stack_suffix)
    grouped = mine[np.argsort(job_of_row[mine], kind="stable")]
    ends = np.cumsum(np.bincount(job_of_row[mine], minlength=len(firsts)))
    position_of_row = np.zeros(particles.n, dtype=np.int64)
    jobs = []
    for number, rows in enumerate(np.split(grouped, ends[:-1])):
        indices, of_image, positions = np.unique(
            particles.indices[rows], return_index=True, return_inverse=True
        )
        position_of_row[rows] = positions
        jobs.append(
            StackJob(
                stack=headers[stacks[number]],
                name=particles.stacks[stacks[number]],
                output=outputs[number],
                pixel_size=float(particles.pixel_sizes[firsts[number]]),
                indices=indices,
                rows=rows[of_image],
                contrast=int(particles.contrasts[firsts[number]]),
            )
        )
    return OutputPlan(tuple(jobs), job_of_row, position_of_row)


def output_names(stacks: list[str], ending: str = ".mrcs") -> list[str]:
    """Give each input stack a file name of its own: `<stem>.mrcs`, and `<stem>_2.mrcs` and so on.

    A number is only added to a name that is taken, and never makes a name that another stack has
    by itself. Capitals are not told apart, as on some disks. A name is cut where no disk would
    take it with what is added while it is written. What RELION would not take for a part of the
    name becomes `_`.
    """
    stems = [_stem(stack) for stack in stacks]
    own = {stem.casefold() for stem in stems}
    taken: set[str] = set()
    names = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in own):
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        names.append(f"{name}{ending}")
    return names


def _stem(name: str) -> str:
    stem = without_special(PurePosixPath(name).stem)
    data = stem.encode("utf-8", "surrogateescape")
    if len(data) <= _LONGEST_STEM:
        return stem
    return data[:_LONGEST_STEM].decode("utf-8", "ignore")
