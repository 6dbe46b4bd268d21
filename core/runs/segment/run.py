"""A segmentation run: labels, probabilities and a picture of every micrograph, in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pandas as pd
import starfile

from ... import __version__
from ...compute.device import choose_device
from ...console import Console
from ...errors import IceblockError
from ...figures.overlay import overlay, write_png
from ...images.disk import partial_path, replacing, write_error
from ...images.project_root import name_from_here
from ...remarks import warn
from ...segment.segmenter import Segmentation, Segmenter
from ...wording import counted
from ..labelled import Labelled, fingerprints, gather
from ..life import begun, way_in
from ..record import RunRecord
from .options import SegmentOptions

LABELS, PROBABILITIES, OVERLAYS = "Labels", "Probabilities", "Overlays"
TABLE = "segmentation.star"


@dataclass
class SegmentRecord(RunRecord):
    """What a segmentation has done."""

    segmented: int = 0
    """Micrographs."""


@way_in
def run(options: SegmentOptions, console: Console) -> None:
    """Segment micrographs; a stopped run goes on with the first micrograph that is not whole.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the model or the output folder; a micrograph that
        cannot be read is passed over with a warning unless none can.
    """
    with begun(options, console) as this:
        segmenter = Segmenter.load(options.model, str(choose_device(options.one_device())))
        labelled, _ = gather(options.micrographs, options.picks, options.masks, options.pixel_size)
        identity = {
            "version": __version__,
            **fingerprints(labelled),
            "particle_diameter": options.particle_diameter,
            "model_sha256": segmenter.model.sha256,
        }
        outputs = (LABELS, PROBABILITIES, OVERLAYS, TABLE)
        with this.recorded(SegmentRecord, identity, outputs, again=True) as record:
            rows = _segment_all(options, segmenter, labelled, console)
            with replacing(options.out / TABLE) as file:
                text = starfile.to_string({"micrographs": pd.DataFrame(rows)})
                file.write(text.partition("\n")[2].encode())  # the first line holds the time of day
            record.segmented = len(rows)
    console.say(f"The labels of {counted(len(rows), 'micrograph')} are in {options.out}.")


def _segment_all(
    options: SegmentOptions, segmenter: Segmenter, labelled: Sequence[Labelled], console: Console
) -> list[dict[str, Any]]:
    rows, failed = [], []
    with console.bar(len(labelled), "mic", "segmenting") as bar:
        for one in labelled:
            try:
                rows.append(_segment_one(options, segmenter, one))
            except IceblockError as error:
                failed.append(str(error))
                console.note(f"{error} (passed over)")
            bar.advance()
    if not rows:
        raise IceblockError(failed[0] if failed else "there are no micrographs to segment")
    if failed:
        warn(
            f"{len(failed)} of {len(labelled)} micrographs were passed over because they cannot be "
            f"read; the first: {failed[0]}"
        )
    return rows


def _segment_one(options: SegmentOptions, segmenter: Segmenter, one: Labelled) -> dict[str, Any]:
    """Segment one micrograph unless its files are there; returns its row of the table."""
    label_file = options.out / LABELS / f"{one.output}.mrc"
    chance_file = options.out / PROBABILITIES / f"{one.output}.mrc"
    picture = options.out / OVERLAYS / f"{one.output}.png"
    if not (label_file.is_file() and chance_file.is_file() and picture.is_file()):
        image, pollution = one.read()
        size = one.micrograph.pixel_size
        made = segmenter.segment(image, size, options.particle_diameter, one.picks, pollution)
        write_png(picture, overlay(image.pixels, made, picks=one.picks, pixel_size=size))
        _write_map(chance_file, made.probabilities, made, size)
        _write_map(label_file, made.labels.astype(np.int8), made, size)
    with mrcfile.open(label_file, permissive=True) as mrc:
        labels = np.array(mrc.data)
    share = [float((labels == k).mean()) for k in range(3)]
    return {
        "rlnMicrographName": one.micrograph.name,
        "rlnIceblockLabels": name_from_here(label_file),
        "rlnIceblockBackground": round(share[0], 4),
        "rlnIceblockPollution": round(share[1], 4),
        "rlnIceblockParticles": round(share[2], 4),
        "rlnIceblockPicks": -1 if one.picks is None else len(one.picks),
    }


def _write_map(
    path: Path, data: np.ndarray[Any, np.dtype[Any]], made: Segmentation, pixel_size: float
) -> None:
    """Write a coarse map as MRC with its own pixel size, so that it overlays the micrograph."""
    partial = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(partial, data, overwrite=True) as mrc:
            if data.ndim == 3:
                mrc.set_image_stack()
            mrc.voxel_size = (made.scale[1] * pixel_size, made.scale[0] * pixel_size, pixel_size)
        partial.replace(path)
    except OSError as error:
        raise write_error(error, path) from error
    finally:
        partial.unlink(missing_ok=True)
