"""Class averages are read from a stack, RELION's lists and CryoSPARC's templates, all alike."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.errors import IceblockError
from core.images.class_averages import class_stacks, read_class_averages

BOX, PIXEL_SIZE, K = 24, 3.5, 5
EMPTY = 2


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Classes of which one is empty: a stack, a model.star and a .cs file; gives the others."""
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).standard_normal((K, BOX, BOX)).astype(np.float32)
    images[EMPTY] = 0
    write(images)
    Path("Class2D").mkdir()
    Path("run.mrcs").rename("Class2D/run.mrcs")
    listed = "\n".join(f"{k + 1:06d}@Class2D/run.mrcs 0.2" for k in range(K))
    Path("Class2D/run_model.star").write_text(
        f"data_model_general\n\n_rlnPixelSize {PIXEL_SIZE}\n\ndata_model_classes\n\nloop_\n"
        f"_rlnReferenceImage\n_rlnClassDistribution\n{listed}\n"
    )
    fields = [("uid", "u8"), ("blob/path", "S32"), ("blob/idx", "u4"), ("blob/psize_A", "f4")]
    table = np.zeros(K, dtype=fields)
    table["uid"], table["blob/path"] = np.arange(K), b"Class2D/run.mrcs"
    table["blob/idx"], table["blob/psize_A"] = np.arange(K), PIXEL_SIZE
    with Path("templates.cs").open("wb") as file:
        np.save(file, table)
    return np.delete(images, EMPTY, axis=0)


def write(images: np.ndarray, pixel_size: float = PIXEL_SIZE) -> None:
    with mrcfile.new("run.mrcs", overwrite=True) as file:
        file.set_data(images)
        file.voxel_size = pixel_size


@pytest.mark.parametrize("name", ["Class2D/run.mrcs", "Class2D/run_model.star", "templates.cs"])
def test_all_forms_are_one(project: np.ndarray, name: str) -> None:
    found = read_class_averages(Path(name))
    np.testing.assert_array_equal(found.images, project)
    assert found.pixel_size == pytest.approx(PIXEL_SIZE)
    stacks = [path.resolve() for path in class_stacks(Path(name))]
    assert stacks == ([] if name.endswith("mrcs") else [Path("Class2D/run.mrcs").resolve()])


@pytest.mark.parametrize(
    ("shape", "pixel_size", "said"),
    [
        ((3, BOX, BOX + 2), PIXEL_SIZE, "square"),
        ((3, 8, 8), PIXEL_SIZE, "16 pixels or more"),
        ((3, BOX, BOX), 0.0, "pixel size"),
        ((1200, BOX, BOX), PIXEL_SIZE, "not the particles"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_cannot_be_used(shape: tuple[int, ...], pixel_size: float, said: str) -> None:
    write(np.random.default_rng(0).standard_normal(shape).astype(np.float32), pixel_size)
    with pytest.raises(IceblockError, match=said):
        read_class_averages(Path("run.mrcs"))


@pytest.mark.usefixtures("project")
def test_no_picture_and_no_list() -> None:
    write(np.zeros((3, BOX, BOX), dtype=np.float32))
    with pytest.raises(IceblockError, match="all its classes are empty"):
        read_class_averages(Path("run.mrcs"))
    Path("odd.star").write_text("data_\n\nloop_\n_rlnMicrographName\na.mrc\n")
    with pytest.raises(IceblockError, match="lists no class averages"):
        read_class_averages(Path("odd.star"))
    listed = Path("Class2D/run_model.star")
    listed.write_text(listed.read_text().replace("000005@", "000009@"))
    with pytest.raises(IceblockError, match="names image 9"):
        read_class_averages(listed)
