"""The scores of each method, kept in a file of its own so that a stopped comparison goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...compare.scores import Scores, cluster, score
from ...compare.table import Row
from ...errors import IceblockError
from ...images.disk import write_file
from ...images.mrc.reader import read_header, read_images
from ...images.mrc.writer import StackWriter
from .inputs import Sheet
from .method import Method
from .network import Network
from .options import slug
from .real import Real

SHOWN = 6
"""Images of each set that are kept for the pictures."""


@dataclass(frozen=True)
class Result:
    """All that is kept of a method."""

    row: Row
    remarks: list[str]
    shown: dict[str, npt.NDArray[np.float32]]
    """(k, box, box) denoised images, by the name of the set."""
    real: npt.NDArray[np.float32] | None
    """Real particles after a network."""


class Bench:
    """Scores methods, or reads back what was scored before.

    Parameters
    ----------
    folder
        Gets NN_method.json with the scores, and .mrcs with some images.
    sheets
        The sets.
    real
        Real particles, which networks are shown on.
    starts
        Of the clustering.
    """

    def __init__(
        self, folder: Path, sheets: Sequence[Sheet], real: Real | None, starts: int
    ) -> None:
        self.folder = folder
        self.sheets = sheets
        self.real = real
        self.starts = starts

    def result(self, number: int, method: Method, beat: Callable[[], None]) -> Result:
        """Give a method's scores and pictures.

        Parameters
        ----------
        number
            Of the row.
        method
            What is scored.
        beat
            Called after every set; may raise.
        """
        stem = f"{number:02d}_{slug(method.name)}"
        path = self.folder / f"{stem}.json"
        if path.is_file():
            return self._read(path)
        plain, shown = self._measure(method, beat)
        self._write_images(stem, shown)
        if self.real is not None and isinstance(method, Network) and not method.in_set:
            images = method.denoiser(self.real.images, self.real.pixel_size, self.real.contrast)[0]
            self._write_stack(f"{stem}_real", images * self.real.contrast, self.real.pixel_size)
        write_file(path, json.dumps(plain, indent=1))
        return self._read(path)

    def _measure(
        self, method: Method, beat: Callable[[], None]
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        scores, parameters, remarks, shown, seconds, count = {}, {}, [], {}, 0.0, 0
        for sheet in self.sheets:
            scored = sheet.scored
            fitted = method.fit(sheet)
            first = scored.ctf and scored.ctf.take(np.arange(1))
            fitted.denoise(scored.noisy[:1], scored.clean[:1], first)  # the first call is slow
            began = time.perf_counter()
            images = fitted.denoise(scored.noisy, scored.clean, scored.ctf)
            seconds += time.perf_counter() - began
            count += len(images)
            found = Scores({}) if method.kind == "truth" else score(images, scored)
            if sheet.views is not None:
                given = sheet.views
                views = fitted.denoise(given.noisy, given.clean, given.ctf)
                found.values.update(cluster(views, given, self.starts))
            scores[scored.name] = found.plain()
            parameters[scored.name] = fitted.parameters
            remarks += [fitted.remark] if fitted.remark else []
            shown[scored.name] = images[:SHOWN]
            beat()
        plain = {
            "name": method.name,
            "kind": method.kind,
            "note": method.note,
            "seconds": seconds / count,
            "parameters": parameters,
            "remarks": remarks,
            "scores": scores,
        }
        return plain, shown

    def _write_images(self, stem: str, shown: dict[str, torch.Tensor]) -> None:
        for number, sheet in enumerate(self.sheets):
            images = shown[sheet.scored.name].cpu().numpy()
            self._write_stack(f"{stem}_set{number + 1}", images, sheet.scored.pixel_size)

    def _write_stack(self, stem: str, images: npt.NDArray[np.float32], pixel_size: float) -> None:
        path = self.folder / f"{stem}.mrcs"
        with StackWriter(path, len(images), images.shape[-1], pixel_size, resume=False) as stack:
            stack.append(images)

    def _read(self, path: Path) -> Result:
        try:
            plain = json.loads(path.read_text())
            scores = {name: Scores.of(values) for name, values in plain["scores"].items()}
            row = Row(
                plain["name"], plain["kind"], scores, plain["parameters"], plain["note"],
                plain["seconds"],
            )  # fmt: skip
            remarks = list(plain["remarks"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IceblockError(
                f"{path} cannot be read ({error}): remove it, and its method is scored again."
            ) from error
        shown = {
            sheet.scored.name: _stack(path.with_name(f"{path.stem}_set{number + 1}.mrcs"))
            for number, sheet in enumerate(self.sheets)
        }
        real = path.with_name(f"{path.stem}_real.mrcs")
        return Result(row, remarks, shown, _stack(real) if real.is_file() else None)


def _stack(path: Path) -> npt.NDArray[np.float32]:
    header = read_header(path)
    return read_images(header, range(header.n_images))
