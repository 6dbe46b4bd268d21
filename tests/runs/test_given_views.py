"""What a user knows of the particles is fitted to them, counts if they prove it, and is noticed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import torch

from core.denoise.known_set import KnownSet
from core.denoise.known_set_file import read_sets, write_sets
from core.errors import IceblockError
from core.remarks import collected
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run
from core.sets.stacking import weights
from core.sets.stacking.combination import Weights
from core.sets.templates.reference import directions
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

from .set_project import (
    BOX,
    MODEL,
    PIXEL_SIZE,
    STAR,
    no_pages,
    simulated,
    write_map,
    write_model,
    write_stacks,
    write_star,
)

__all__ = ["no_pages"]

MAP, CLASSES = Path("map.mrc"), Path("classes.mrcs")


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a map and class averages of its particles."""
    folder = tmp_path_factory.mktemp("given")
    images, ctf = simulated()
    write_model(folder)
    write_stacks(folder, images)
    write_star(folder, ctf)
    volume = phantom(11, PIXEL_SIZE, (70.0, 75.0), 12.0)
    write_map(folder / MAP, volume.data, volume.pixel_size)
    views = VolumeTransform(volume).project(directions(12)).numpy()
    with mrcfile.new(folder / CLASSES) as file:
        file.set_data(np.concatenate([views, 0 * views[:1]]))
        file.voxel_size = PIXEL_SIZE
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def denoise(out: str, heartbeat: Any = lambda: None, **options: Any) -> dict[str, bytes]:
    """Run, and give the stacks and what was learned."""
    asked = DenoiseOptions(
        STAR, out=Path(out), model=MODEL, device="cpu", threads=1, batch_size=5, **options
    )
    run(asked, heartbeat=heartbeat)
    names = ["set.safetensors", "weights.safetensors"]
    stacks = sorted(Path(out).glob("Particles/*.mrcs"))
    return {path.name: path.read_bytes() for path in (*stacks, *(Path(out) / n for n in names))}


def test_a_volume_counts_and_a_stopped_run_goes_on(project: Path) -> None:
    whole = denoise("Whole", volumes=(MAP,))
    (known,) = read_sets(Path("Whole")).values()
    assert list(known.views) == ["views of map.mrc"]
    shares = json.loads(Path("Whole/run.json").read_text())["sets"][0]["shares"]
    assert shares["views of map.mrc"] > 0.2

    def stop() -> None:
        if Path("Out/weights.safetensors").exists():
            raise Stopped

    with pytest.raises(Stopped):
        denoise("Out", stop, volumes=(MAP,))
    moved = project / "elsewhere" / MAP  # what it holds counts, not where it lies
    moved.parent.mkdir()
    MAP.rename(moved)
    assert denoise("Out", volumes=(moved,)) == whole


def test_another_volume_is_another_run(project: Path) -> None:
    denoise("Out", volumes=(MAP,))
    with mrcfile.open(MAP, "r+") as file:
        file.data[:] *= np.float32(1.01)
    with pytest.raises(IceblockError, match="volumes"):
        denoise("Out", volumes=(MAP,))
    with pytest.raises(IceblockError, match="volumes"):
        denoise("Out")


def test_class_averages_count(project: Path) -> None:
    denoise("Out", classes=CLASSES)
    (known,) = read_sets(Path("Out")).values()
    assert list(known.views) == ["classes of classes.mrcs"]
    ((views,),) = known.views["classes of classes.mrcs"]
    assert views.weights is not None
    assert float(views.weights.sum()) == pytest.approx(1)
    # Views that are read again keep their own weights, whatever their names.
    names = ("network", "views of b", "views of a")
    table = torch.arange(3.0)[None, :, None].expand(1, 3, 9).contiguous()
    mixture = Weights(names, torch.zeros(1), table)
    given = {
        name: tuple(
            (replace(views, **{k: v.clone() for k, v in views.tensors().items()}),)
            for _ in range(count)
        )
        for count, name in enumerate(names[1:], start=1)
    }
    two = KnownSet(known.prior, views=given, weights=mixture)
    write_sets(Path(), {(BOX, PIXEL_SIZE): two})
    (again,) = read_sets(Path()).values()
    assert tuple(estimator.name for estimator in again.estimators()) == names[1:]
    assert [len(several) for several in again.views.values()] == [1, 2]


def test_what_the_images_do_not_prove_is_left_out(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is told of each estimate differs: the views are not used."""
    monkeypatch.setattr(weights, "GAIN", 1.0)  # no estimate takes away all of the error
    plain = denoise("Plain")
    with collected() as told:
        made = denoise("Out", volumes=(MAP,))
    assert {name for name in plain if made[name] != plain[name]} <= {"weights.safetensors"}
    assert any("views of map.mrc do not bring" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"volumes": (Path("no.mrc"),)}, "no.mrc does not exist"),
        ({"volumes": (STAR,)}, "unknown suffix"),
        ({"classes": Path("no.mrcs")}, "no.mrcs"),
        ({"classes": STAR}, "lists no class averages"),
        ({"classes": Path(MODEL)}, "unknown suffix"),
        ({"volumes": (MAP, MAP)}, "twice"),
        ({"volumes": (MAP,), "each_alone": True}, "--each-alone"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(
    project: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(IceblockError, match=said):
        denoise("Out", **options)
    assert not list(Path("Out").glob("*.safetensors"))


def test_a_volume_that_does_not_fit_the_images(project: Path) -> None:
    write_map(Path("large.mrc"), mrcfile.read(MAP), 4 * PIXEL_SIZE)
    with pytest.raises(IceblockError, match="Å across, and the images show 128 Å"):
        denoise("Out", volumes=(Path("large.mrc"),))
