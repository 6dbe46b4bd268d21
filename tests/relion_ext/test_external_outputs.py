"""What RELION reads of a finished job: run.out and RELION_OUTPUT_NODES.star."""

from pathlib import Path

import pytest

from relion_ext.nodes import NodeType, write_output_nodes
from relion_ext.version import RelionVersion, detect

from .external_job import JOB, External

JOB_STAR = {
    "3.1": "# version 30001\n\ndata_job\n\n_rlnJobType                99\n",
    "4.0": "# version 30001\n\ndata_job\n\n_rlnJobTypeLabel  relion.external\n",
    "5.0": "# version 50001\n\ndata_job\n\n_rlnJobTypeLabel  relion.external\n",
}
PIPELINE = {
    "3.1": "# version 30001\n\nloop_\n_rlnPipeLineProcessName #1\n_rlnPipeLineProcessType #3\n",
    "4.0": "# version 30001\n\nloop_\n_rlnPipeLineNodeName #1\n_rlnPipeLineNodeTypeLabel #2\n",
    "5.0": "# version 50001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter   1\n",
}
EXPECTED = {
    "3.1": (["_rlnPipeLineNodeType #2"], [["3"], ["13"]]),
    "4.0": (
        ["_rlnPipeLineNodeTypeLabel #2"],
        [["ParticlesData.star.relion"], ["LogFile.pdf.relion"]],
    ),
    "5.0": (
        ["_rlnPipeLineNodeTypeLabel #2"],
        [["ParticleGroupMetadata.star.relion"], ["LogFile.pdf.relion"]],
    ),
    "?": (
        ["_rlnPipeLineNodeType #2", "_rlnPipeLineNodeTypeLabel #3"],
        [["3", "ParticleGroupMetadata.star.relion"], ["13", "LogFile.pdf.relion"]],
    ),
}


@pytest.mark.parametrize("told_by", ["job.star", "default_pipeline.star"])
@pytest.mark.parametrize("version", list(EXPECTED))
def test_output_nodes(external: External, version: str, told_by: str) -> None:
    if version != "?" and told_by == "job.star":
        (external.folder / "job.star").write_text(JOB_STAR[version])
    elif version != "?":
        (external.project / "default_pipeline.star").write_text(PIPELINE[version])
    done = external.run()
    assert done.status == 0
    assert (f"RELION {version}" in done.out) == (version != "?")
    lines = (external.folder / "RELION_OUTPUT_NODES.star").read_text().split("\n")
    columns, types = EXPECTED[version]
    assert "data_output_nodes" in lines
    assert [line for line in lines if "_rlnPipeLineNodeType" in line] == columns
    assert [line.split() for line in lines if line.startswith("External/")] == [
        [f"{JOB}particles.star", *types[0]],
        [f"{JOB}logfile.pdf", *types[1]],
    ]
    assert not list(external.folder.glob(".*"))


def test_job_star_is_asked_before_the_pipeline(tmp_path: Path) -> None:
    (tmp_path / "job.star").write_text(JOB_STAR["3.1"])
    (tmp_path / "default_pipeline.star").write_text(PIPELINE["5.0"])
    assert detect(tmp_path, tmp_path) is RelionVersion.V3_1


@pytest.mark.parametrize("version", [None, *RelionVersion])
def test_every_node_type_has_a_name(tmp_path: Path, version: RelionVersion | None) -> None:
    write_output_nodes(tmp_path, [(kind.name, kind) for kind in NodeType], version)
    rows = (tmp_path / "RELION_OUTPUT_NODES.star").read_text().split("\n")
    assert sum(row.split(" ")[0] in NodeType.__members__ for row in rows) == len(NodeType)


def test_absolute_job_directory_is_named_from_the_project(external: External) -> None:
    external.run("--in_parts", "a.star", "--o", str(external.folder))
    table = (external.folder / "RELION_OUTPUT_NODES.star").read_text()
    assert f"\n{JOB}particles.star 3" in table


def test_run_out_says_what_was_asked_for(external: External) -> None:
    arguments = ["--o", JOB, "--in_parts", "a b.star", "--in_mask", "m.mrc", "--j", "3"]
    done = external.run(*arguments, "--gpu", "1", "--keep_noise", "0.5", "--overwrite")
    assert "Command: relion_iceblock_denoise --o External/job001/ --in_parts 'a b.star'" in done.out
    assert "--in_mask m.mrc  (not used by this job)" in done.out
    assert "gpu='1'" in done.out
    assert "threads=3" in done.out
    assert "keep_noise=0.5" in done.out
    assert "overwrite=True" in done.out
    assert "report='logfile.pdf'" in done.out


def test_a_gpu_and_a_device(external: External) -> None:
    done = external.run("--o", JOB, "--in_parts", "a.star", "--gpu", "0", "--device", "cpu")
    assert "both given" in done.err
    assert done.err.count("\n") == 1
    assert external.markers == ["RELION_JOB_EXIT_FAILURE"]


@pytest.mark.parametrize(
    ("version", "dtype", "warned"),
    [("3.1", "float16", True), ("3.1", "float32", False), ("5.0", "float16", False)],
)
def test_float16_warning(external: External, version: str, dtype: str, warned: bool) -> None:
    (external.folder / "job.star").write_text(JOB_STAR[version])
    done = external.run("--o", JOB, "--in_parts", "a.star", "--dtype", dtype)
    assert done.status == 0
    assert ("float16" in done.err) is warned


def test_stays_out_of_relions_own_files(external: External) -> None:
    (external.project / "default_pipeline.star").write_text(PIPELINE["3.1"])
    external.run()
    assert (external.project / "default_pipeline.star").read_text() == PIPELINE["3.1"]
    assert {path.name for path in external.project.iterdir()} == {
        "External",
        "default_pipeline.star",
    }
