"""`relion_iceblock_denoise` and `relion_iceblock_restore` as jobs of the real RELION."""

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile

from .pipeliner import ABORTED, FAILED, SUCCEEDED, Project, find
from .simulated_project import PARTICLES, write_particles

pytestmark = pytest.mark.relion

DENOISE, RESTORE = "relion_iceblock_denoise", "relion_iceblock_restore"
PARTICLES_NODE, PDF_NODE = "3", "13"


def tokens(path: Path) -> list[str]:
    """Return what a STAR file says, without its spaces and comments."""
    lines = path.read_text().splitlines()
    return [token for line in lines if not line.startswith("#") for token in line.split()]


def markers(project: Project, job: str) -> list[str]:
    return [path.name for path in (project.folder / job).glob("RELION_JOB_*")]


def stacks(project: Project, job: str) -> dict[str, int]:
    """Return the stacks that `job` has finished, with their inodes, which tell a rewrite."""
    folder = project.folder / job / "Particles"
    return {path.name: path.stat().st_ino for path in folder.rglob("*.mrcs")}


def denoise(project: Project, **labels: object) -> str:
    job = project.add_external(DENOISE, PARTICLES, device="cpu", **labels)
    assert project.run(job) == SUCCEEDED, project.errors(job)
    return job


def test_denoise_classify_restore(project: Project) -> None:
    job = denoise(project)
    assert project.nodes(job) == {
        f"{job}particles.star": PARTICLES_NODE,
        f"{job}logfile.pdf": PDF_NODE,
    }
    assert markers(project, job) == ["RELION_JOB_EXIT_SUCCESS"]
    assert (project.folder / job / "logfile.pdf").read_bytes().startswith(b"%PDF")
    for micrograph in ("mic001", "mic002", "mic003"):
        name = f"{job}Particles/{micrograph}.mrcs"
        with mrcfile.open(next((project.folder / job).rglob(f"{micrograph}.mrcs"))) as file:
            assert file.is_image_stack()
            assert np.isfinite(file.data).all(), name

    classes = project.add_class2d(f"{job}particles.star", diameter=160, ctf=True)
    assert project.run(classes) == SUCCEEDED, project.errors(classes)

    restored = project.add_external(RESTORE, f"{job}particles.star")
    assert project.run(restored) == SUCCEEDED, project.errors(restored)
    assert project.nodes(restored) == {f"{restored}particles.star": PARTICLES_NODE}
    assert tokens(project.folder / restored / "particles.star") == tokens(
        project.folder / PARTICLES
    )


def test_restore_after_classification_keeps_its_columns(project: Project) -> None:
    job = denoise(project)
    classes = project.add_class2d(f"{job}particles.star", diameter=160, ctf=True)
    assert project.run(classes) == SUCCEEDED, project.errors(classes)
    restored = project.add_external(RESTORE, f"{classes}run_it002_data.star")
    assert project.run(restored) == SUCCEEDED, project.errors(restored)
    text = (project.folder / restored / "particles.star").read_text()
    assert "_rlnClassNumber" in text
    assert "Extract/job003/Particles/Micrographs/mic001.mrcs" in text
    assert f"@{job}" not in text


def test_relions_own_revert_works_too(project: Project) -> None:
    job = denoise(project)
    revert = project.add("Subtract", do_fliplabel="Yes", fn_fliplabel=f"{job}particles.star")
    assert project.run(revert) == SUCCEEDED, project.errors(revert)
    reverted, raw = (
        starfile.read(project.folder / file)["particles"]["rlnImageName"].str.lstrip("0")
        for file in (f"{revert}original.star", PARTICLES)
    )
    assert sorted(reverted) == sorted(raw)


def test_abort_and_continue(project: Project) -> None:
    write_particles(project.folder, stacks=4, images=60)
    job = project.add_external(DENOISE, PARTICLES, device="cpu", batch_size=8)
    pipeliner = project.start_to_gate(job, "Particles/*.mrcs", after=1)
    project.abort(job)
    assert project.finish(pipeliner, job) == ABORTED, project.output(job)
    assert markers(project, job) == ["RELION_JOB_EXIT_ABORTED"]
    assert not project.nodes(job)
    assert not (project.folder / job / "particles.star").exists()
    done = stacks(project, job)
    assert 0 < len(done) < 4

    assert project.run(job) == SUCCEEDED, project.errors(job)
    assert markers(project, job) == ["RELION_JOB_EXIT_SUCCESS"]
    assert len(stacks(project, job)) == 4
    assert stacks(project, job).items() >= done.items()
    assert project.nodes(job)[f"{job}particles.star"] == PARTICLES_NODE


@pytest.mark.parametrize(
    ("spoil", "labels", "told"),
    [
        (lambda star: star.write_text(""), {}, "particles.star"),
        (lambda star: star.write_bytes(bytes(range(256))), {}, "particles.star"),
        (lambda star: None, {"model": "missing.safetensors"}, "missing.safetensors"),
        (lambda star: None, {"modle": "x"}, "Did you mean `model`?"),
        (lambda star: None, {"gpu": "0,0"}, "0 or 0,1"),
        (lambda star: None, {"keep_noise": "2"}, "keep"),
    ],
)
def test_bad_input_fails_with_a_sentence(
    project: Project, spoil: Callable[[Path], object], labels: dict[str, str], told: str
) -> None:
    spoil(project.folder / PARTICLES)
    job = project.add_external(DENOISE, PARTICLES, **labels)
    assert project.run(job) == FAILED
    assert markers(project, job) == ["RELION_JOB_EXIT_FAILURE"]
    assert told in project.errors(job)
    assert "Traceback" not in project.errors(job)
    assert not project.nodes(job)
    assert not stacks(project, job)


def test_queue_submission_keeps_the_command_prefix(project: Project) -> None:
    """RELION drops the template's prefix when the command lacks the text `relion_`."""
    template = project.folder / "qsub.sh"
    template.write_text(
        "#!/bin/bash\nenv FROM_THE_QUEUE=1 XXXcommandXXX > XXXoutfileXXX 2> XXXerrfileXXX\n"
    )
    job = project.add(
        "External",
        fn_exe=find(DENOISE),
        in_part=PARTICLES,
        param1_label="device",
        param1_value="cpu",
        do_queue="Yes",
        qsub="bash",
        qsubscript=template,
    )
    assert project.run(job) == SUCCEEDED
    script = (project.folder / job / "run_submit.script").read_text()
    assert "env FROM_THE_QUEUE=1 " in script
    assert DENOISE in script


REAL = [
    ("empiar10028_80S", 320),
    ("empiar10059_trpv1", 150),
    ("empiar10146_apoferritin", 150),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "diameter"), REAL)
def test_real_particles(
    copy_of_real_project: Callable[[str], Project], name: str, diameter: int
) -> None:
    project = copy_of_real_project(name)
    job = denoise(project)
    assert set(project.nodes(job).values()) == {PARTICLES_NODE, PDF_NODE}
    classes = project.add_class2d(f"{job}particles.star", diameter=diameter, ctf=False, classes=4)
    assert project.run(classes) == SUCCEEDED, project.errors(classes)
    restored = project.add_external(RESTORE, f"{job}particles.star")
    assert project.run(restored) == SUCCEEDED, project.errors(restored)
    assert tokens(project.folder / restored / "particles.star") == tokens(
        project.folder / PARTICLES
    )
