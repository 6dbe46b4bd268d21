"""The model that reads the CTF is for particles that have one."""

from pathlib import Path

import pytest

from core.denoise.ctf_channel import reads_ctf
from core.denoise.shipped import DEFAULT, WITHOUT_CTF
from core.runs.denoise.inputs import prepare
from core.runs.denoise.options import DenoiseOptions

from .set_project import STAR, simulated, write_stacks, write_star


@pytest.mark.parametrize("each_alone", [False, True])
@pytest.mark.parametrize("with_ctf", [False, True])
def test_particles_without_ctf_get_the_model_that_reads_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_ctf: bool, each_alone: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    images, ctf = simulated()
    write_stacks(tmp_path, images)
    write_star(tmp_path, ctf if with_ctf else None)

    def taken(model: str) -> str:
        asked = DenoiseOptions(
            STAR, out=Path("Out"), model=model, device="cpu", each_alone=each_alone
        )
        work = prepare(asked, 0, 1)
        assert reads_ctf(work.model.generator) == (work.model.card.name == DEFAULT)
        return work.model.card.name

    assert taken(DEFAULT) == (DEFAULT if with_ctf else WITHOUT_CTF)
    assert taken(WITHOUT_CTF) == WITHOUT_CTF
