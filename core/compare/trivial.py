"""Rows that every table of scores needs: what is reached without denoising anything."""

from __future__ import annotations

import torch

from .baseline import Baseline


def raw(images: torch.Tensor) -> torch.Tensor:
    """Give the noisy images as they are."""
    return images


def zero(images: torch.Tensor) -> torch.Tensor:
    """Give black images."""
    return torch.zeros_like(images)


def constant(images: torch.Tensor) -> torch.Tensor:
    """Give each image's mean."""
    return images.mean(dim=(1, 2), keepdim=True).expand_as(images)


def set_mean(images: torch.Tensor) -> torch.Tensor:
    """Give the mean of all the images for each: a blob that is as large as a particle."""
    return images.mean(dim=0, keepdim=True).expand_as(images)


TRIVIAL = (
    Baseline("raw", raw, kind="trivial"),
    Baseline("zero", zero, kind="trivial"),
    Baseline("constant", constant, kind="trivial", note="each image's mean"),
    Baseline("set mean", set_mean, kind="trivial", note="the mean of all noisy images"),
)
