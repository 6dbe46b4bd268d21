"""The columns of a STAR file that say where particles belong."""

import numpy as np
import numpy.typing as npt

from ..class_poses import ClassPoses

CLASS = "_rlnClassNumber"


def class_columns(
    poses: ClassPoses, pixel_sizes: npt.NDArray[np.float64] | None
) -> dict[str, list[str]]:
    """Give the tokens of the columns of classes and poses.

    Parameters
    ----------
    poses
        N of them.
    pixel_sizes
        (N,) in Å, for files before RELION 3.1, which have origins in pixels; None for later ones.
    """
    origins, names = poses.origins, ("_rlnOriginXAngst", "_rlnOriginYAngst")
    if pixel_sizes is not None:
        origins, names = origins / pixel_sizes[:, None], ("_rlnOriginX", "_rlnOriginY")
    return {
        CLASS: [str(number) for number in poses.classes.tolist()],
        "_rlnAnglePsi": _decimals(poses.psi, 4),
        names[0]: _decimals(origins[:, 0], 4),
        names[1]: _decimals(origins[:, 1], 4),
        "_rlnMaxValueProbDistribution": _decimals(poses.highest, 6),
        "_rlnLogLikeliContribution": _decimals(poses.log_likelihood, 4),
    }


def _decimals(values: npt.NDArray[np.float64], places: int) -> list[str]:
    return [f"{value:.{places}f}" for value in values.tolist()]
