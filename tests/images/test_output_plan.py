"""Every particle finds its own image in the output, and no output stack takes another's name."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.images.mrc.reader import read_header, read_images
from core.images.mrc.writer import StackWriter
from core.images.output_plan import OutputPlan, output_names, plan_output
from core.images.particles import ParticleSet, read_particles
from core.images.star.image_names import image_name
from core.images.validation import validate

from .stacks import star_text, write_stack

STACKS = ["p/x.mrcs", "q/x.mrcs", "x_2.mrcs", "r/y.mrc"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for stack in STACKS:
        write_stack(folder / stack, n=6)
    return folder


def write_outputs(plan: OutputPlan, folder: Path) -> None:
    """Copy the images as a denoiser would write its own."""
    for job in plan.jobs:
        box = job.stack.box_x
        with StackWriter(folder / job.output, len(job.indices), box, job.pixel_size) as writer:
            writer.append(read_images(job.stack, job.indices))


def pixels(particles: ParticleSet) -> list[np.ndarray]:
    stacks = [read_header(particles.path_of(stack)) for stack in particles.stacks]
    rows = zip(particles.stack_ids, particles.indices, strict=True)
    return [read_images(stacks[stack], [index])[0] for stack, index in rows]


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(STACKS), st.integers(0, 5), st.integers(1, 2)), min_size=1
    )
)
def test_each_particle_keeps_its_pixels(project: Path, rows: list[tuple[str, int, int]]) -> None:
    names = [image_name(index, stack) for stack, index, _ in rows]
    text = star_text(names, [group for *_, group in rows], "1 a 2.0 32\n2 b 3.0 32")
    (project / "particles.star").write_text(text)
    raw = read_particles(project / "particles.star")
    plan = plan_output(raw, validate(raw))
    write_outputs(plan, project / "External/job001/Particles")
    raw.with_images(plan.image_names("External/job001/Particles")).write(project / "new.star")
    new = read_particles(project / "new.star")
    validate(new)
    np.testing.assert_array_equal(pixels(new), pixels(raw))
    used = {(stack, group) for stack, _, group in rows}
    assert len(plan.jobs) == len(used) == len({job.output.casefold() for job in plan.jobs})
    images = {(stack, index, group) for stack, index, group in rows}
    assert sum(len(job.indices) for job in plan.jobs) == len(images)
    for number, job in enumerate(plan.jobs):
        assert (np.diff(job.indices) > 0).all()
        mine = np.flatnonzero(plan.job_of_row == number)
        assert (raw.indices[mine] == job.indices[plan.position_of_row[mine]]).all()
        assert (raw.pixel_sizes[mine] == job.pixel_size).all()
        assert job.name == raw.stacks[raw.stack_ids[mine[0]]]
    assert np.all(np.diff(np.unique(plan.job_of_row, return_index=True)[1]) > 0)


def test_a_whole_real_project_maps_one_to_one(test_data: Path) -> None:
    path = test_data / "projects/empiar10028_80S/Extract/job003/particles.star"
    raw = read_particles(path)
    plan = plan_output(raw, validate(raw))
    assert [job.output for job in plan.jobs] == [PurePosixPath(s).name for s in raw.stacks]
    names = plan.image_names("Extract/job003/Particles")
    assert names == raw.names


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a/x.mrcs", "b/x.mrc", "x_2.mrcs", "X.mrcs", "c/x_2_2.mrcs", "y"]))
)
def test_output_names_never_collide(stacks: list[str]) -> None:
    names = output_names(stacks)
    assert len({name.casefold() for name in names}) == len(stacks)
    assert all(name.endswith(".mrcs") for name in names)
    for stack, name in zip(stacks, names, strict=True):
        stem = PurePosixPath(stack).stem
        assert name.startswith(stem)
        # The first stack of a name has it, whatever the others are called.
        if [PurePosixPath(other).stem.casefold() for other in stacks].index(stem.casefold()) == (
            stacks.index(stack)
        ):
            assert names[stacks.index(stack)] == f"{stem}.mrcs"


def test_output_names_are_spelled_out() -> None:
    assert output_names(["a/x.mrcs", "b/x.mrcs", "x_2.mrcs", "c/x.mrc"]) == [
        "x.mrcs",
        "x_3.mrcs",
        "x_2.mrcs",
        "x_4.mrcs",
    ]
