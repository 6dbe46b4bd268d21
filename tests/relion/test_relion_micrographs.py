"""Micrographs are denoised, picked on and put back, and RELION goes on with the raw ones."""

import shutil

import mrcfile
import numpy as np
import pytest
import starfile

from ..noise_project import DIAMETER, PIXEL, write_project
from .pipeliner import SUCCEEDED, Project, find

pytestmark = pytest.mark.relion


@pytest.mark.slow
def test_picks_go_back(tmp_path) -> None:
    write_project(tmp_path, n=2, per_micrograph=8)
    for folder in ("AutoPick", "Extract"):  # RELION takes picks that are there for its own
        shutil.rmtree(tmp_path / folder)
    project = Project(tmp_path)

    def external(executable: str, **inputs: object) -> str:
        return project.add("External", fn_exe=find(executable), nr_threads=2, **inputs)

    denoised = external(
        "relion_iceblock_micrographs", in_mic="micrographs.star",
        param1_label="particle_diameter", param1_value=DIAMETER,
        param2_label="size", param2_value="full",
    )  # fmt: skip
    assert project.run(denoised) == SUCCEEDED, project.errors(denoised)
    assert project.nodes(denoised) == {
        f"{denoised}micrographs.star": "1", f"{denoised}logfile.pdf": "13"
    }  # fmt: skip
    picked = project.add(
        "AutoPick", fn_input_autopick=f"{denoised}micrographs.star", do_log="Yes",
        log_diam_min=0.8 * DIAMETER, log_diam_max=1.2 * DIAMETER, log_adjust_thr=0, angpix=PIXEL,
        nr_mpi=1,
    )  # fmt: skip
    assert project.run(picked) == SUCCEEDED, project.errors(picked)
    restored = external("relion_iceblock_restore", in_coords=f"{picked}coords_suffix_autopick.star")
    assert project.run(restored) == SUCCEEDED, project.errors(restored)
    extracted = project.add(
        "Extract", star_mics="micrographs.star",
        coords_suffix=f"{restored}coords_suffix_autopick.star", extract_size=48,
        do_invert="Yes", do_norm="Yes", bg_diameter=-1, nr_mpi=1,
    )  # fmt: skip
    assert project.run(extracted) == SUCCEEDED, project.errors(extracted)
    particles = starfile.read(tmp_path / extracted / "particles.star")["particles"]
    assert len(particles) >= 6
    assert set(particles["rlnMicrographName"]) == {
        f"Micrographs/mic0{k}.mrc" for k in (1, 2)
    }  # fmt: skip
    stack = tmp_path / particles["rlnImageName"].iloc[0].split("@")[1]
    with mrcfile.open(stack, permissive=True) as file:
        outside = np.asarray(file.data)[:, :6, :6]
        assert outside.std() > 0.5  # raw noise, of standard deviation 1
    classes = project.add_class2d(f"{extracted}particles.star", diameter=DIAMETER, ctf=False)
    assert project.run(classes) == SUCCEEDED, project.errors(classes)
