"""A group file of CryoSPARC given for a table: the tables in it are named."""

from pathlib import Path

import pytest

from core.errors import IceblockError
from core.images.particles import read_particles

GROUP = """created: 2024-05-01 10:00:00.000000
group:
  description: All particles
  name: particles
  title: All particles
  type: particle
results:
  alignments2D:
    metafile: '>J350_particles_selected.cs'
    num_items: 20
    type: particle.alignments2D
  blob:
    metafile: {quote}{mark}J350_particles_selected.cs{quote}
    num_items: 20
    type: particle.blob
  ctf:
    metafile: '>J350_passthrough_particles_selected.cs'
    num_items: 20
    type: particle.ctf
version: v4.4.1
"""


@pytest.mark.parametrize("quote", ["'", '"', ""])
@pytest.mark.parametrize("mark", [">", ""])
def test_the_tables_are_named(tmp_path: Path, quote: str, mark: str) -> None:
    path = tmp_path / "J350_particles_selected.csg"
    path.write_text(GROUP.format(quote=quote, mark=mark))
    with pytest.raises(IceblockError) as caught:
        read_particles(path)
    said = str(caught.value)
    assert f"has the images, {tmp_path}/J350_particles_selected.cs and --passthrough" in said
    assert said.endswith(f"--passthrough {tmp_path}/J350_passthrough_particles_selected.cs")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "names no table"),
        (b"results:\n  ctf:\n    metafile: '>a.cs'\n", r"a\.cs, none of them for images"),
        (b"\xff\xfe\x00", "no group file"),
    ],
)
def test_odd_groups(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.csg").write_bytes(content)
    with pytest.raises(IceblockError, match=says):
        read_particles(tmp_path / "a.csg")
