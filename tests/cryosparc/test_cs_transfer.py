"""A project that this machine does not see: files come and go through the server."""

from collections.abc import Iterator
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.errors import IceblockError
from cryosparc_ext.connection import Connection
from cryosparc_ext.job import Job

from .lab import PROJECT, Lab, Run

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def far_lab(two_stacks: Lab) -> Lab:
    two_stacks.server.world.hidden = True
    return two_stacks


@pytest.fixture
def line(far_lab: Lab) -> Iterator[Connection]:
    with Connection(far_lab.server.url) as opened:
        yield opened


def transfer(
    line: Connection, scratch: Path, up: str | None = "out/a.bin", down: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """Run a job that fetches files and publishes one; gives what was fetched."""
    with Job(line, PROJECT, "W1", "", "") as job:
        job.start({})
        files = job.open_files("out", scratch)
        assert not files.visible
        files.fetch(down, job.heartbeat)
        fetched = {name: (files.root / name).read_bytes() for name in down}
        if up:
            path = files.folder / up
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(CONTENT)
            files.publish([path], job.heartbeat)
            assert not path.exists()
        return fetched


def test_denoise(far_lab: Lab, denoise: Run, tmp_path: Path) -> None:
    """All of the noise is kept, so that each image is known by its row's raw image."""
    before, scratch = far_lab.files("J1"), tmp_path / "scratch"
    far_lab.server.cut = 2
    assert denoise("--scratch", scratch, "--keep-noise", 1) == 0
    assert far_lab.server.cut == 0
    assert far_lab.job("J2").status == "completed"
    assert "is not visible on" in far_lab.log("J2")
    assert not list(scratch.iterdir())
    assert {"iceblock/run.json", "iceblock/report.pdf"} <= set(far_lab.files("J2"))
    assert far_lab.files("J1") == before
    given, made = far_lab.load("J1", "extracted"), far_lab.load("J2", "denoised")
    assert set(made["blob/path"]) == {"J2/denoised/mic.mrc", "J2/denoised/mic_2.mrc"}
    for row in range(len(given)):
        raw, kept = (
            mrcfile.read(far_lab.project / data["blob/path"][row])[data["blob/idx"][row]]
            for data in (given, made)
        )
        assert np.corrcoef(raw.ravel(), kept.ravel())[0, 1] > 0.9999


def test_files_come_and_go(far_lab: Lab, line: Connection, tmp_path: Path) -> None:
    down = ("J1/A/mic.mrc", "J1/B/mic.mrc")
    fetched = transfer(line, tmp_path / "scratch", down=down)
    assert fetched == {name: (far_lab.project / name).read_bytes() for name in down}
    assert far_lab.files("J2")["out/a.bin"] == CONTENT
    assert not list((tmp_path / "scratch").iterdir())


def test_uploads_that_are_always_cut(far_lab: Lab, line: Connection, tmp_path: Path) -> None:
    far_lab.server.cut = 10**6
    with pytest.raises(IceblockError, match=r"did not answer \(uploading out/a.bin"):
        transfer(line, tmp_path)
    assert far_lab.job("J2").status == "failed"
    assert "uploading out/a.bin" in far_lab.log("J2")


@pytest.mark.parametrize("keep", [0, 5000])
def test_an_upload_that_arrives_short_without_an_error(
    far_lab: Lab, line: Connection, tmp_path: Path, keep: int
) -> None:
    far_lab.server.world.keep = keep
    told = f"J2/out/a.bin did not arrive whole in 3 tries: {keep} of {len(CONTENT)} bytes"
    with pytest.raises(IceblockError, match=told):
        transfer(line, tmp_path)
    assert far_lab.job("J2").status == "failed"
    assert told in far_lab.log("J2")


def test_a_file_that_the_server_does_not_give(
    far_lab: Lab, line: Connection, tmp_path: Path
) -> None:
    (tmp_path / "mic.mrc").touch()
    (far_lab.project / "J1/link.mrc").symlink_to(tmp_path / "mic.mrc")
    told = r"refused \(downloading J1/link.mrc\): Invalid file path"
    with pytest.raises(IceblockError, match=told):
        transfer(line, tmp_path / "scratch", down=("J1/link.mrc",))
    assert far_lab.job("J2").status == "failed"


@pytest.mark.parametrize("name", ["J1/../../../stolen.mrc", "/stolen.mrc"])
def test_a_path_that_leads_out_of_the_scratch_folder(
    far_lab: Lab, line: Connection, tmp_path: Path, name: str
) -> None:
    with pytest.raises(IceblockError, match=f"The input {name} is not at"):
        transfer(line, tmp_path / "a/b/scratch", down=(name,))
    assert not list(tmp_path.rglob("stolen.mrc"))


def test_a_scratch_folder_that_cannot_be_made(
    far_lab: Lab, line: Connection, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IceblockError, match="cannot be written"):
        transfer(line, tmp_path / "file")
    assert far_lab.job("J2").status == "failed"


def test_the_client_alone_would_have_sent_the_rest_only(far_lab: Lab, line: Connection) -> None:
    """What uploads are guarded against: the client's second try goes on in mid-file."""
    job = line.client.create_external_job(PROJECT, "W1")
    far_lab.server.cut = 1
    line.ask("uploading", lambda: job.upload("a.bin", b"x" * 20_000_000))
    assert len(far_lab.files(job.uid)["a.bin"]) < 20_000_000
