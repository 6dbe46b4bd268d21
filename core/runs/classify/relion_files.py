"""The files by which RELION's own jobs and programs open a classification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...images.disk import replacing
from ...images.project_root import name_from_here
from ...images.star.document import quote
from ...images.star.image_names import image_name
from ...noise.bank_table import loop

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True)
class ClassTable:
    """What RELION's files say of each class.

    Attributes
    ----------
    share : (k,)
        Part of the particles.
    resolution : (k,)
        Å; infinite where nothing is seen.
    """

    share: npt.NDArray[np.float64]
    resolution: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Facts:
    """What RELION's files say of the run.

    Attributes
    ----------
    box, pixel_size
        Of the class averages; Å.
    iterations, seed
        As given.
    diameter
        Of the mask, Å.
    offset_sd
        Å.
    log_likelihood, mean_highest
        Of the whole set; mean over the particles of the highest posterior.
    """

    box: int
    pixel_size: float
    iterations: int
    seed: int
    diameter: float
    offset_sd: float
    log_likelihood: float
    mean_highest: float


def write_model(path: Path, classes: Path, table: ClassTable, facts: Facts) -> None:
    """Write a `_model.star`, which names the class averages.

    Parameters
    ----------
    path
        The file to make.
    classes
        The stack of class averages.
    table, facts
        What it says.
    """
    best = float(np.min(table.resolution))
    general = {
        "rlnReferenceDimensionality": 2, "rlnDataDimensionality": 2,
        "rlnOriginalImageSize": facts.box, "rlnCurrentResolution": f"{best:.6f}",
        "rlnCurrentImageSize": facts.box, "rlnPaddingFactor": 2, "rlnIsHelix": 0,
        "rlnFourierSpaceInterpolator": 1, "rlnMinRadiusNnInterpolation": 10,
        "rlnPixelSize": f"{facts.pixel_size:.6f}", "rlnNrClasses": len(table.share),
        "rlnNrBodies": 1, "rlnNrGroups": 1, "rlnTau2FudgeFactor": 2,
        "rlnNormCorrectionAverage": 1, "rlnSigmaOffsetsAngst": f"{facts.offset_sd:.6f}",
        "rlnOrientationalPriorMode": 0, "rlnSigmaPriorRotAngle": 0, "rlnSigmaPriorTiltAngle": 0,
        "rlnSigmaPriorPsiAngle": 0, "rlnLogLikelihood": f"{facts.log_likelihood:.6e}",
        "rlnAveragePmax": f"{facts.mean_highest:.6f}",
    }  # fmt: skip
    tags = (
        "rlnReferenceImage", "rlnClassDistribution", "rlnAccuracyRotations",
        "rlnAccuracyTranslationsAngst", "rlnEstimatedResolution", "rlnOverallFourierCompleteness",
        "rlnClassPriorOffsetX", "rlnClassPriorOffsetY",
    )  # fmt: skip
    stack = quote(name_from_here(classes))
    rows = [
        f"{image_name(number, stack)} {share:.6f} 999 999 {resolution:.6f} 1 0 0"
        for number, (share, resolution) in enumerate(
            zip(table.share, table.resolution, strict=True)
        )
    ]
    with replacing(path) as file:
        file.write((_pairs("model_general", general) + loop("model_classes", tags, rows)).encode())


def write_optimiser(path: Path, data: Path, model: Path, facts: Facts) -> None:
    """Write an `_optimiser.star`, which names the other files.

    Parameters
    ----------
    path
        The file to make.
    data, model
        The files that it names.
    facts
        What it says.
    """
    root = path.name.partition("_it")[0]
    general = {
        "rlnOutputRootName": quote(name_from_here(path.with_name(root))),
        "rlnModelStarFile": quote(name_from_here(model)),
        "rlnExperimentalDataStarFile": quote(name_from_here(data)),
        "rlnOrientSamplingStarFile": "None",
        "rlnCurrentIteration": facts.iterations, "rlnNumberOfIterations": facts.iterations,
        "rlnDoSplitRandomHalves": 0, "rlnRandomSeed": facts.seed,
        "rlnParticleDiameter": f"{facts.diameter:.6f}", "rlnWidthMaskEdge": 5,
        "rlnDoZeroMask": 1, "rlnDoSolventFlattening": 1, "rlnDoCorrectCtf": 1,
        "rlnHasConverged": 1,
    }  # fmt: skip
    with replacing(path) as file:
        file.write(_pairs("optimiser_general", general).encode())


def _pairs(name: str, values: dict[str, object]) -> str:
    lines = [f"_{tag:<38} {value}" for tag, value in values.items()]
    return "\n".join(["", "# version 30001", "", f"data_{name}", "", *lines, "", ""])
