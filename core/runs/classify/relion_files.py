"""The files by which RELION's own jobs and programs open a classification."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...images.project_root import name_from_here
from ...images.star.image_names import image_name
from ...images.star.writer import loop, pairs, write_blocks


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
        "rlnOriginalImageSize": facts.box, "rlnCurrentResolution": best,
        "rlnCurrentImageSize": facts.box, "rlnPaddingFactor": 2, "rlnIsHelix": 0,
        "rlnFourierSpaceInterpolator": 1, "rlnMinRadiusNnInterpolation": 10,
        "rlnPixelSize": facts.pixel_size, "rlnNrClasses": len(table.share),
        "rlnNrBodies": 1, "rlnNrGroups": 1, "rlnTau2FudgeFactor": 2,
        "rlnNormCorrectionAverage": 1, "rlnSigmaOffsetsAngst": facts.offset_sd,
        "rlnOrientationalPriorMode": 0, "rlnSigmaPriorRotAngle": 0, "rlnSigmaPriorTiltAngle": 0,
        "rlnSigmaPriorPsiAngle": 0, "rlnLogLikelihood": f"{facts.log_likelihood:.6e}",
        "rlnAveragePmax": facts.mean_highest,
    }  # fmt: skip
    k, stack = len(table.share), name_from_here(classes)
    columns = {
        "rlnReferenceImage": [image_name(number, stack) for number in range(k)],
        "rlnClassDistribution": table.share.tolist(),
        "rlnAccuracyRotations": [999] * k,
        "rlnAccuracyTranslationsAngst": [999] * k,
        "rlnEstimatedResolution": table.resolution.tolist(),
        "rlnOverallFourierCompleteness": [1] * k,
        "rlnClassPriorOffsetX": [0] * k,
        "rlnClassPriorOffsetY": [0] * k,
    }
    write_blocks(path, pairs("model_general", general), loop("model_classes", columns))


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
        "rlnOutputRootName": name_from_here(path.with_name(root)),
        "rlnModelStarFile": name_from_here(model),
        "rlnExperimentalDataStarFile": name_from_here(data),
        "rlnOrientSamplingStarFile": "None",
        "rlnCurrentIteration": facts.iterations, "rlnNumberOfIterations": facts.iterations,
        "rlnDoSplitRandomHalves": 0, "rlnRandomSeed": facts.seed,
        "rlnParticleDiameter": facts.diameter, "rlnWidthMaskEdge": 5,
        "rlnDoZeroMask": 1, "rlnDoSolventFlattening": 1, "rlnDoCorrectCtf": 1,
        "rlnHasConverged": 1,
    }  # fmt: skip
    write_blocks(path, pairs("optimiser_general", general))
