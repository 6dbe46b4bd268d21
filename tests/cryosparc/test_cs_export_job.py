"""`iceblock-cryosparc export`, from a file and from a job."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.images.mrc.reader import read_images
from core.images.particles import read_particles
from core.images.validation import validate

from .lab import Lab, Run


def images_of(star: Path) -> np.ndarray:
    found = read_particles(star)
    stacks = validate(found)
    return np.concatenate(
        [read_images(stacks[s], [k]) for s, k in zip(found.stack_ids, found.indices, strict=True)]
    )


@pytest.mark.parametrize("way", ["file", "job"])
def test_the_same_particles(
    two_stacks: Lab,
    iceblock_cryosparc: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    way: str,
) -> None:
    relion = tmp_path / "relion"
    relion.mkdir()
    monkeypatch.chdir(relion)
    if way == "file":
        table = two_stacks.project / "J1/extracted.cs"
        arguments = ["export", table, "--project-dir", two_stacks.project]
    else:
        arguments = two_stacks.arguments("export", "J1.extracted")
    calls = len(two_stacks.server.world.calls)
    assert iceblock_cryosparc(*arguments, "--out", "particles.star") == 0
    told = capsys.readouterr().out
    assert "particles.star: 9 particles" in told
    assert "left out: blob/import_sig" in told
    assert ("P1", "J2") not in two_stacks.server.world.jobs
    assert (len(two_stacks.server.world.calls) > calls) is (way == "job")
    given = two_stacks.load("J1", "extracted")
    raw = [
        mrcfile.read(two_stacks.project / path)[idx]
        for path, idx in zip(given["blob/path"], given["blob/idx"], strict=True)
    ]
    np.testing.assert_array_equal(images_of(relion / "particles.star"), raw)
    assert iceblock_cryosparc(*arguments, "--out", "particles.star") == 1
    assert "exists already" in capsys.readouterr().err
    assert iceblock_cryosparc(*arguments, "--out", "particles.star", "--overwrite") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["J1.extracted"], "give --url and --project too"),
        (["J1.extracted", "--project-dir", "."], "belong to a .cs file"),
        (["missing.cs"], "missing.cs does not exist"),
    ],
)
def test_mistakes(
    iceblock_cryosparc: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert iceblock_cryosparc("export", *arguments, "--out", "a.star") == 1
    assert told in capsys.readouterr().err


def test_a_project_that_is_not_visible(
    two_stacks: Lab, iceblock_cryosparc: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    two_stacks.server.world.hidden = True
    arguments = two_stacks.arguments("export", "J1", "--out", tmp_path / "a.star")
    assert iceblock_cryosparc(*arguments) == 1
    assert "cannot be seen from this machine" in capsys.readouterr().err
