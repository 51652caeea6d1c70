"""The control for light: windows are bright, so that filters which draw light would be found as window filters."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import Gan, Latents

EXACT = 1e-12  # of a mean square: a variance below it is rounding


def along_brightness(gan: Gan, layer: str, latents: Latents) -> np.ndarray:
    """How well every map of a layer, after its activation, goes along with how bright the picture is at its cells.

    Returns:
        (maps,) Pearson's correlation over all cells of all pictures; 0 for a map that is the same everywhere.
    """
    cells = 0
    sums: list[torch.Tensor | float] = [0.0] * 5
    for part in gan.image.chunks(len(latents)):
        with gan.record(layer) as recording:
            pictures = gan.generate(latents[part])
        maps = recording[layer].double()
        light = F.adaptive_avg_pool2d(
            pictures.to(maps.device).double().mean(1, keepdim=True), (maps.shape[2], maps.shape[3])
        )
        cells += light.numel()
        moments = (maps, maps.square(), light, light.square(), maps * light)
        sums = [total + moment.sum((0, 2, 3)) for total, moment in zip(sums, moments, strict=True)]
    map_mean, map_square, light_mean, light_square, product = (torch.as_tensor(total) / cells for total in sums)
    spread = (_variance(map_mean, map_square) * _variance(light_mean, light_square)).sqrt()
    return torch.where(spread > 0, (product - map_mean * light_mean) / spread, 0.0).cpu().numpy()


def _variance(mean: torch.Tensor, square: torch.Tensor) -> torch.Tensor:
    """Of a mean and a mean square; 0 where it is no more than what rounding leaves."""
    variance = square - mean**2
    return torch.where(variance > EXACT * square, variance, 0.0)
