"""Many rows over many stacks: each row keeps its image, and memory does not grow with them."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from .lab import Lab, Run, particles, write_stack

PROGRAM = Path(__file__).with_name("job_with_memory.py")


def seed(lab: Lab, stacks: int, images: int, box: int) -> None:
    """Add a job with `stacks` stacks of `images` images, of which the rows are in no order."""
    number = 1 + len(lab.server.world.jobs)
    paths = [f"J{number}/extract/mic{k:03d}.mrc" for k in range(stacks)]
    for k, path in enumerate(paths):
        write_stack(lab.project / path, images, box, seed=k)
    order = np.random.default_rng(0).permutation(stacks * images)
    rows = [paths[k] for k in order // images], (order % images).tolist()
    lab.seed("extracted", particles(*rows, box))


def assert_rows_keep_their_images(lab: Lab, given_by: str, made_by: str) -> None:
    """Compare with the raw images; all of their noise was kept, so only units differ."""
    given, made = lab.load(given_by, "extracted"), lab.load(made_by, "denoised")
    np.testing.assert_array_equal(made["uid"], given["uid"])
    for raw_path in set(given["blob/path"]):
        rows = np.flatnonzero(given["blob/path"] == raw_path)
        (path,) = set(made["blob/path"][rows])
        raw = mrcfile.read(lab.project / raw_path)[given["blob/idx"][rows]]
        kept = mrcfile.read(lab.project / path)[made["blob/idx"][rows]]
        for one, other in zip(raw, kept, strict=True):
            assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9999


def test_rows_over_many_stacks(lab: Lab, denoise: Run) -> None:
    seed(lab, stacks=20, images=3, box=32)
    assert denoise("--keep-noise", 1) == 0
    assert_rows_keep_their_images(lab, "J1", "J2")


@pytest.mark.slow
def test_ten_thousand_rows_in_constant_memory(lab: Lab, model: Path) -> None:
    peaks = []
    for stacks, source, made in ((10, "J1", "J2"), (200, "J3", "J4")):
        seed(lab, stacks, images=50, box=48)
        arguments = lab.arguments("denoise", "--particles", source, "--model", model)
        # Learning from a set takes memory for up to 8,000 small images, whatever its size.
        arguments += ["--keep-noise", "1", "--threads", "1", "--each-alone"]
        process = lab.start(PROGRAM, *arguments)
        out, err = process.communicate(timeout=1200)
        assert process.returncode == 0, err
        peaks.append(int(out.split()[-1]) / 1024)
        assert_rows_keep_their_images(lab, source, made)
    print(f"peak memory in MB, of 500 and of 10,000 rows: {peaks[0]:.0f} and {peaks[1]:.0f}")
    # The images of the larger set alone are 92 MB.
    assert peaks[1] < peaks[0] + 40
