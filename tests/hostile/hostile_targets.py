"""The readers under test, and what is done with a project's files."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model, read_description
from core.images.cs.export import export_star
from core.images.cs.exposures import write_micrographs
from core.images.cs.locations import locations
from core.images.cs.particles import CsParticles
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import Micrograph, list_micrographs, read_micrograph
from core.images.mrc.reader import read_header, read_images
from core.images.output_plan import plan_output
from core.images.particles import read_particles
from core.images.tensor_file import read_tensors
from core.images.validation import validate
from core.noise.bank import NoiseBank, OpticsGroup
from core.noise.bank_writer import BankWriter
from core.segment.masks import fit_mask, read_mask
from core.segment.model_file import load_model as load_segmentation
from core.sets.covariance.set_file import read_priors
from core.signal.ctf import random_ctf
from core.simulate.references import read_reference
from core.simulate.volumes import read_volume

from .hostile_projects import (
    make_bank,
    make_cs,
    make_micrographs,
    make_models,
    make_mrc,
    make_picks,
    make_sets,
    make_star,
    make_volumes,
    noise,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OUT = "out"
"""The only folder that a reader's round trip may write to, from the project."""


@dataclass(frozen=True)
class Target:
    """A kind of file: a project with such files, and what is done with them."""

    make: Callable[[Path], None]
    """Writes the project into an empty folder."""
    read: Callable[[Path], None]
    """Reads one victim, given its path from the project, which is the current folder."""
    victims: tuple[str, ...] = field(default=("**/*",))
    """Patterns of the files that are broken."""


def _read_star(path: Path) -> None:
    particles = read_particles(path)
    assert particles.n == len(particles.names) > 0
    restorable = path.name == "denoised.star"
    if restorable:
        particles.restored().write(Path(OUT) / "restored.star")
    plan = plan_output(particles, validate(particles))
    particles.ctf()
    assert np.isfinite(particles.pixel_sizes).all()
    made = particles.with_images(plan.image_names(f"{OUT}/Particles"))
    made.write(Path(OUT) / "particles.star")
    again = read_particles(Path(OUT) / "particles.star")
    assert again.n == particles.n
    assert again.stacks == made.stacks
    assert (again.indices == made.indices).all()
    if not restorable:
        back = again.restored()
        assert back.stacks == particles.stacks
        assert (back.indices == particles.indices).all()


def _read_cs(path: Path) -> None:
    particles = read_particles(path, project_dir=Path())
    assert isinstance(particles, CsParticles)
    assert particles.n > 0
    for look in (locations, lambda r, p: write_micrographs(r, p, Path(OUT) / "mics.star")):
        _may_refuse(look, particles.records, path)
    plan = plan_output(particles, validate(particles))
    particles.ctf()
    made = particles.with_images(plan.image_names(f"{OUT}/Particles"))
    made.write(Path(OUT) / "particles.cs")
    again = read_particles(Path(OUT) / "particles.cs")
    assert isinstance(again, CsParticles)
    assert again.stacks == made.stacks
    assert (again.uids == particles.uids).all()
    assert again.restored_from(particles).stacks == particles.stacks
    export_star(particles, Path(OUT) / "exported.star")


def _may_refuse(call: Callable[..., object], *arguments: object) -> None:
    from core.errors import IceblockError

    try:
        call(*arguments)
    except IceblockError as error:
        check_sentence(error)


def _read_mrc(path: Path) -> None:
    stack = read_header(path)
    for start in {0, stack.n_images - 1}:
        images = read_images(stack, [start])
        assert images.shape == (1, stack.box_y, stack.box_x)


def _read_micrograph(path: Path) -> None:
    if path.suffix == ".star":
        for one in list_micrographs(path):
            _may_refuse(read_micrograph, one)
        return
    _may_refuse(list_micrographs, path)
    (micrograph,) = list_micrographs(path, pixel_size=4.0)
    image = read_micrograph(micrograph)
    assert np.isfinite(image.pixels).all()
    if path.suffix != ".jpg":
        _may_refuse(lambda: fit_mask(read_mask(path), (48, 64)))


def _read_model(path: Path) -> None:
    if path.name == "segment.safetensors":
        network = load_segmentation(path).network
        with torch.inference_mode():
            network(torch.zeros(1, 2, 16, 16))
        return
    read_description(path)
    denoise = Denoiser(load_model(path), torch.device("cpu"))
    denoise(noise(1, 32, 32), 2.0)


def _read_tensor_file(path: Path) -> None:
    read_tensors(path, None, weights=False)
    read_tensors(path, None)


def _read_set(path: Path) -> None:
    ctf = random_ctf(np.random.default_rng(0), 2)
    for prior in read_priors(path).values():
        for given in (ctf, None):
            prior.estimate(torch.zeros(2, prior.box, prior.box), given)


def _read_bank(path: Path) -> None:
    if path.suffix == ".npz":
        writer = BankWriter(Path("Noise"), 16, [OpticsGroup(4.0)])
        number = int(path.stem) - 1
        for look in (writer.facts, writer.count, writer.part):
            look(number)
        return
    bank = NoiseBank.read(Path("Noise"))
    assert len(bank.table) == bank.n
    for rows, blocks in itertools.islice(bank.pieces(), 3):
        assert blocks.shape == (len(rows), bank.box, bank.box)


def _read_volume(path: Path) -> None:
    for volume in (read_volume(path, 4.0), read_reference(path, 4.0)[0]):
        assert volume.data.ndim == 3
        assert np.isfinite(volume.data).all()


def _read_picks(path: Path) -> None:
    micrographs = [
        Micrograph(f"Micrographs/mic{k}.mrc", Path(f"Micrographs/mic{k}.mrc"), 4.0) for k in (1, 2)
    ]
    where = {"Pick": Path("autopick.star"), "Boxes": path, "Old": Path("Old")}
    picks = read_picks(where.get(path.parts[0], path), micrographs)
    for one in micrographs:
        found = picks.of(one.name)
        assert found is None or (found.ndim == 2 and np.isfinite(found).all())
        picks.outside(one.name, (48, 64))


def check_sentence(error: Exception) -> None:
    """An error is one line that is not too long, however long the names in it."""
    text = str(error)
    assert text.strip(), "the sentence is empty"
    assert len(text) < 2500, f"the sentence has {len(text)} characters"
    assert text.isprintable(), f"the sentence holds control characters: {text[:200]!r}"


KINDS = {
    "star": Target(make_star, _read_star, ("*.star",)),
    "cs": Target(make_cs, _read_cs, ("*.cs",)),
    "mrc": Target(make_mrc, _read_mrc),
    "micrograph": Target(make_micrographs, _read_micrograph),
    "model": Target(make_models, _read_model),
    "tensor": Target(make_models, _read_tensor_file),
    "set": Target(make_sets, _read_set),
    "bank": Target(make_bank, _read_bank),
    "volume": Target(make_volumes, _read_volume),
    "picks": Target(make_picks, _read_picks, ("*.star", "*/*.star", "*/*.box", "*/*/*.star")),
}
"""By the name of the kind."""
