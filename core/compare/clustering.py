"""Do images of like views fall together? Views about known directions, and scores of clusters."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from ..extra import from_extra

COMPONENTS = 50
"""Principal components that images are clustered by."""
SCORES = ("ari", "nmi", "accuracy")


def directions(k: int) -> npt.NDArray[np.float64]:
    """Spread k viewing directions over the sphere, each with the same area about it.

    The spiral of González, Math. Geosci. 42 (2010): no two have the same tilt, so that a symmetry
    about z makes no two of them alike.

    Returns
    -------
    angles : (k, 2)
        rot and tilt in degrees.
    """
    index = np.arange(k)
    tilt = np.degrees(np.arccos(1 - (2 * index + 1) / k))
    golden = 180 * (3 - np.sqrt(5))
    rot = (index * golden + 180) % 360 - 180
    return np.stack([rot, tilt], axis=1)


def draw_views(
    k: int, each: int, spread: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Draw poses about k directions, without any turn in the plane of the image.

    Parameters
    ----------
    k, each
        Number of directions, and of poses about each.
    spread
        Degrees: standard deviation of the tilt about either axis of the image.
    rng
        Source of randomness.

    Returns
    -------
    angles : (k * each, 3)
        rot, tilt, psi in degrees.
    labels : (k * each,) int
        Which direction.
    """
    labels = np.repeat(np.arange(k), each)
    centres = np.column_stack([directions(k), np.zeros(k)])[labels]
    tilts = np.column_stack([rng.normal(0, spread, (k * each, 2)), np.zeros(k * each)])
    poses = Rotation.from_euler("ZYZ", centres, degrees=True)
    poses = poses * Rotation.from_rotvec(tilts, degrees=True)
    return euler_angles(poses), labels


def euler_angles(poses: Rotation) -> npt.NDArray[np.float64]:
    """Give RELION's rot, tilt, psi in degrees, (n, 3)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gimbal lock")  # at tilt 0 any split of the turn will do
        return np.asarray(poses.as_euler("ZYZ", degrees=True))


def cluster_trials(
    images: torch.Tensor, labels: npt.NDArray[np.int64], k: int, seeds: int = 10
) -> dict[str, npt.NDArray[np.float64]]:
    """Cluster images by PCA and k-means from several starts, and compare with the truth.

    Every image is brought to mean 0 and sd 1 first: the distance of two is then a matter of their
    correlation, whatever the contrast of either.

    Parameters
    ----------
    images : (n, box, box)
    labels : (n,) int
        The true groups.
    k
        Number of clusters.
    seeds
        Starts of k-means, one score each.

    Returns
    -------
    scores : dict of (seeds,) arrays
        `ari`: adjusted Rand index (0 by chance, 1 if equal). `nmi`: normalised mutual information.
        `accuracy`: part of the images in the cluster that the best one-to-one match of clusters
        and groups gives to their group.

    Raises
    ------
    IceblockError
        If scikit-learn is not installed.
    """
    clusters = from_extra("sklearn.cluster")
    points = _principal_components(images)
    guesses = []
    for seed in range(seeds):
        means: Any = clusters.KMeans(k, n_init=3, random_state=seed)
        with warnings.catch_warnings():
            # Of a method that makes all images alike there are fewer than k groups: its score
            # says so, and scikit-learn need not.
            warnings.filterwarnings("ignore", "Number of distinct clusters")
            guesses.append(means.fit_predict(points))
    return score_groups(labels, guesses)


def score_groups(
    labels: npt.NDArray[np.int64], guesses: Sequence[npt.NDArray[np.int64]]
) -> dict[str, npt.NDArray[np.float64]]:
    """Compare several groupings of images with the true one; scores as in `cluster_trials`."""
    scores = from_extra("sklearn.metrics")
    found: dict[str, list[float]] = {name: [] for name in SCORES}
    for guess in guesses:
        found["ari"].append(scores.adjusted_rand_score(labels, guess))
        found["nmi"].append(scores.normalized_mutual_info_score(labels, guess))
        found["accuracy"].append(matched_accuracy(labels, guess))
    return {name: np.asarray(values) for name, values in found.items()}


def matched_accuracy(labels: npt.NDArray[np.int64], guess: npt.NDArray[np.int64]) -> float:
    """Part of agreeing entries under the best one-to-one match of names (Hungarian method)."""
    _, own = np.unique(labels, return_inverse=True)
    _, other = np.unique(guess, return_inverse=True)
    table = np.zeros((own.max() + 1, other.max() + 1), dtype=np.int64)
    np.add.at(table, (own, other), 1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / len(own))


def _principal_components(images: torch.Tensor) -> npt.NDArray[np.float64]:
    """Images on their first axes of variation, (n, c): from the (n, n) matrix of products."""
    import torch

    flat = images.flatten(1).double()
    sd, mean = torch.std_mean(flat, dim=1, keepdim=True)
    flat = (flat - mean) / torch.where(sd > 0, sd, 1.0)
    flat = flat - flat.mean(0)
    power, axes = torch.linalg.eigh(flat @ flat.T)
    count = min(COMPONENTS, len(images) - 1)
    points = axes[:, -count:] * power[-count:].clamp(min=0).sqrt()
    return np.asarray(points.cpu().numpy())
