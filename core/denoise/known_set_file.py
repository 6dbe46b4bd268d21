"""What is known of sets, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from ..errors import IceblockError
from ..images.tensor_file import read_tensors, write_tensors
from ..sets.covariance.set_file import plain_fields, prior_from, read_priors, write_priors
from ..sets.stacking.combination import Weights
from ..sets.stacking.confidence import confidence_from
from ..sets.stacking.evidence import evidence_from
from ..sets.stacking.fit import usual_from
from ..sets.templates.known_views import KnownViews
from .estimators.views import Told
from .known_set import CLASSES, KnownSet
from .views import Geometry

SET, WEIGHTS = "set.safetensors", "weights.safetensors"
"""Files that take the priors of whole sets, and what else is known."""
_KIND = "set-weights"


def write_sets(folder: Path, sets: Mapping[Geometry, KnownSet]) -> None:
    """Write what is known of sets, by box and pixel size (Å) of the raw images."""
    described: list[dict[str, Any]] = []
    tensors: dict[str, torch.Tensor] = {}
    for number, (raw, known) in enumerate(sets.items()):
        weights, trust = known.weights, known.confidence
        views = {
            _key(half, place, name): each
            for name, told in known.views.items()
            for half, several in enumerate(told)
            for place, each in enumerate(several)
        }
        described.append({
            "raw": raw,
            "names": weights.names if weights else [],
            "halves": [plain_fields(prior) for prior in known.halves],
            "rests": [plain_fields(prior) for prior in known.rests],
            "views": {name: _plain(each) for name, each in views.items()},
            "usual": list(known.usual),
            "confidence": trust and trust.radius,
            "evidence": known.evidence and known.evidence.plain(),
        })  # fmt: skip
        for kind, priors in (("half", known.halves), ("rest", known.rests)):
            for half, prior in enumerate(priors):
                tensors |= {f"{number}.{kind} {half}.{k}": v for k, v in prior.tensors().items()}
        for name, each in views.items():
            tensors |= {f"{number}.{name}.{k}": v for k, v in each.tensors().items()}
        tensors |= {f"{number}.usual {name}": each.table() for name, each in known.usual.items()}
        if trust:
            tensors[f"{number}.confidence"] = trust.table()
        if weights:
            tensors |= {f"{number}.strengths": weights.strengths, f"{number}.table": weights.table}
    write_tensors(folder / WEIGHTS, _KIND, {"sets": described}, tensors)
    write_priors(folder / SET, {raw: known.prior for raw, known in sets.items()})


def read_sets(folder: Path) -> dict[Geometry, KnownSet]:
    """Read what `write_sets` wrote.

    Raises
    ------
    IceblockError
        If a file is missing, damaged or something else.
    """
    priors = read_priors(folder / SET)
    path = folder / WEIGHTS
    described, tensors = read_tensors(path, _KIND)
    found: dict[Geometry, KnownSet] = {}
    try:
        for number, values in enumerate(described["sets"]):
            box, pixel_size = values["raw"]
            prior, names = priors[int(box), float(pixel_size)], tuple(map(str, values["names"]))
            halves, rests = (
                tuple(
                    prior_from(plain, _under(tensors, f"{number}.{kind} {half}."))
                    for half, plain in enumerate(values[kinds])
                )
                for kind, kinds in (("half", "halves"), ("rest", "rests"))
            )
            views = {
                str(name): _views(plain, _under(tensors, f"{number}.{name}."), prior.box)
                for name, plain in values["views"].items()
            }
            told = {name: _told(views, name) for name in names if _key(0, 0, name) in views}
            usual = {str(k): usual_from(tensors[f"{number}.usual {k}"]) for k in values["usual"]}
            weights = None
            if names:
                strengths, table = tensors[f"{number}.strengths"], tensors[f"{number}.table"]
                weights = Weights(names, strengths, table)
            evidence = values["evidence"] and evidence_from(values["evidence"])
            trust = values["confidence"]
            if trust is not None:
                trust = confidence_from(float(trust), tensors[f"{number}.confidence"])
            known = KnownSet(prior, halves, told, rests, usual, weights, evidence, trust)
            _check(known)
            found[int(box), float(pixel_size)] = known
        if len(found) != len(priors):
            raise ValueError("it tells of other sets")
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise IceblockError(
            f"{path} is not whole, or does not belong to {SET} ({reason}); remove it and give the "
            "same command again"
        ) from error
    return found


def _key(half: int, place: int, name: str) -> str:
    """Name one of several sets of views."""
    return f"views {half}.{place} {name}"


def _told(views: Mapping[str, KnownViews], name: str) -> Told:
    """Give the views of a name, for all images or for each half of them."""
    found = []
    for half in (0, 1):
        keys = (_key(half, place, name) for place in range(len(views)))
        found.append(tuple(views[key] for key in keys if key in views))
    return tuple(several for several in found if several)


def _plain(views: KnownViews) -> dict[str, Any]:
    """Give the fields that are no tensors."""
    values = {field.name: getattr(views, field.name) for field in fields(views)}
    return {name: value for name, value in values.items() if name not in views.tensors()}


def _under(tensors: Mapping[str, torch.Tensor], start: str) -> dict[str, torch.Tensor]:
    """Give the tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def _views(plain: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], box: int) -> KnownViews:
    """Put views together, and raise ValueError where the parts do not belong together."""
    parts: dict[str, Any] = {**plain, **tensors}
    made = KnownViews(**parts)
    plausible = 2 < made.radius < 1e3 and 0 <= made.offset_sd < box and 0 <= made.empty <= 1
    if made.box != box or not plausible or not 1e-3 < made.pixel_size < 1e4:
        raise ValueError("a number of its views is out of range")
    grid = made.grid
    shape = tuple(made.views.shape)
    if shape[1:] != (grid.rings, grid.turns) or not shape[0] or made.noise.shape != (grid.rings,):
        raise ValueError(f"views are {shape}")
    if not (torch.isfinite(made.views).all() and (made.noise > 0).all()):
        raise ValueError("views hold what is no number")
    return made


def _check(known: KnownSet) -> None:
    """Raise ValueError where the parts do not belong together, so that nothing fails in use."""
    weights = known.weights
    if len(known.rests) not in (0, len(known.views.get(CLASSES, ()))):
        raise ValueError(f"{len(known.rests)} rests do not fit to the classes")
    if weights is None:
        return
    strengths, table, count = weights.strengths, weights.table, len(known.estimators()) + 1
    fits = strengths.ndim == 1 and len(strengths) and table.ndim == 3
    if not fits or table.shape[:2] != (len(strengths), count) or count != len(weights.names):
        raise ValueError(f"weights are {tuple(table.shape)} for {count} estimates")
    for tensor in (strengths, table):
        if tensor.dtype != torch.float32 or not torch.isfinite(tensor).all():
            raise ValueError("weights hold what is no number")
    if bool((strengths.diff() <= 0).any()) or float(table.abs().max()) > 100:
        raise ValueError("a weight is out of range")
