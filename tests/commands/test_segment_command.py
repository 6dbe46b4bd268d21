import json

import mrcfile
import numpy as np
import pytest
import starfile

PIXEL, DIAMETER = 2.0, 48.0


@pytest.fixture
def picked(tmp_path, monkeypatch):
    """A folder with three micrographs and .box files of their picks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Mics").mkdir()
    (tmp_path / "Picks").mkdir()
    yy, xx = np.mgrid[:200, :260]
    for k in range(3):
        rng = np.random.default_rng(k)
        pixels = rng.standard_normal((200, 260)).astype(np.float32)
        rows = []
        for y in range(30, 190, 45):
            x = int(rng.integers(30, 230))
            pixels -= 2.5 * (np.hypot(yy - y, xx - x) < 12)
            rows.append(f"{x - 12} {y - 12} 24 24")
        with mrcfile.new(tmp_path / f"Mics/m{k}.mrc", pixels) as file:
            file.voxel_size = PIXEL
        (tmp_path / f"Picks/m{k}.box").write_text("\n".join(rows) + "\n")
    return tmp_path


def labels_of(path):
    with mrcfile.open(path) as file:
        return np.array(file.data), float(file.voxel_size.x)


def test_apply_writes_labels_that_overlay_the_micrograph(picked, iceblock):
    status = iceblock("segment", "apply", "Mics", "--picks", "Picks", "--particle-diameter",
                      DIAMETER, "--out", "Seg", "-q")  # fmt: skip
    assert status == 0
    labels, size = labels_of(picked / "Seg/Labels/m1.mrc")
    assert set(np.unique(labels)) <= {0, 1, 2}
    assert size * labels.shape[1] == pytest.approx(260 * PIXEL, rel=1e-3)
    for line in (picked / "Picks/m1.box").read_text().splitlines():
        x, y, w, h = map(float, line.split())
        row = int((y + h / 2) * labels.shape[0] / 200)
        assert labels[row, int((x + w / 2) * labels.shape[1] / 260)] == 2
    with mrcfile.open(picked / "Seg/Probabilities/m1.mrc") as file:
        assert file.data.shape == (3, *labels.shape)
        np.testing.assert_allclose(file.data.sum(axis=0), 1, atol=1e-4)
    assert (picked / "Seg/Overlays/m1.png").is_file()
    table = starfile.read(picked / "Seg/segmentation.star")
    assert list(table["rlnMicrographName"]) == ["Mics/m0.mrc", "Mics/m1.mrc", "Mics/m2.mrc"]
    assert json.loads((picked / "Seg/run.json").read_text())["state"] == "finished"


def test_apply_goes_on_where_it_was_stopped(picked, iceblock):
    command = ("segment", "apply", "Mics", "--particle-diameter", DIAMETER, "--out", "Seg", "-q")
    assert iceblock(*command) == 0
    kept = picked / "Seg/Labels/m0.mrc"
    before = kept.stat().st_mtime_ns
    content = (picked / "Seg/Labels/m2.mrc").read_bytes()
    (picked / "Seg/Labels/m2.mrc").unlink()
    assert iceblock(*command) == 0
    assert kept.stat().st_mtime_ns == before
    again, _ = labels_of(picked / "Seg/Labels/m2.mrc")
    (picked / "first.mrc").write_bytes(content)
    np.testing.assert_array_equal(again, labels_of(picked / "first.mrc")[0])


def test_other_picks_are_another_run(picked, iceblock, capsys):
    command = ("segment", "apply", "Mics", "--picks", "Picks", "--particle-diameter", DIAMETER,
               "--out", "Seg", "-q")  # fmt: skip
    assert iceblock(*command) == 0
    rows = (picked / "Picks/m0.box").read_text().splitlines()
    (picked / "Picks/m0.box").write_text("\n".join(["100 90 24 24", *rows[1:]]) + "\n")
    assert iceblock(*command) == 1
    assert "different: picks" in capsys.readouterr().err
    assert iceblock(*command, "--overwrite") == 0


def test_a_wrong_pixel_size_is_one_sentence(picked, iceblock, capsys):
    status = iceblock("segment", "apply", "Mics", "--particle-diameter", 300, "--pixel-size", 0.5,
                      "--out", "Seg", "-q")  # fmt: skip
    assert status == 1
    message = capsys.readouterr().err
    assert "pixel size" in message
    assert "Traceback" not in message


def test_an_unreadable_micrograph_is_passed_over_with_a_warning(picked, iceblock, capsys):
    (picked / "Mics/m1.mrc").write_bytes(b"no image")
    status = iceblock("segment", "apply", "Mics", "--particle-diameter", DIAMETER,
                      "--pixel-size", PIXEL, "--out", "Seg")  # fmt: skip
    assert status == 0
    assert "m1.mrc" in capsys.readouterr().err
    assert len(starfile.read(picked / "Seg/segmentation.star")) == 2


def test_training_makes_a_model_that_apply_takes(picked, iceblock, capsys):
    status = iceblock("segment", "train", "Mics", "--picks", "Picks", "--particle-diameter",
                      DIAMETER, "--steps", 4, "--out", "Model")  # fmt: skip
    assert status == 0
    assert "Held out: Mics/m1.mrc" in capsys.readouterr().err
    assert (picked / "Model/Overlays/m1.png").is_file()
    status = iceblock("segment", "apply", "Mics", "--particle-diameter", DIAMETER, "--model",
                      "Model/segmentation.safetensors", "--out", "Seg", "-q")  # fmt: skip
    assert status == 0


def test_training_without_enough_picks_says_so(picked, iceblock, capsys):
    for name in ("m0", "m1"):
        (picked / f"Picks/{name}.box").unlink()
    status = iceblock("segment", "train", "Mics", "--picks", "Picks", "--particle-diameter",
                      DIAMETER, "--out", "Model", "-q")  # fmt: skip
    assert status == 1
    assert "1 of 3 micrographs" in capsys.readouterr().err


def test_the_help_lists_both(iceblock, capsys):
    assert iceblock("segment", "--help") == 0
    text = capsys.readouterr().out
    assert "apply" in text
    assert "train" in text
