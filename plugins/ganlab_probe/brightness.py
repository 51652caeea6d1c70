"""The control for light: windows are bright, so that filters which draw light would be found as window filters."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import Gan, Latents

AT_ONCE = 64  # pictures whose maps are float64 at a time
EXACT = 1e-12  # of a mean square: a variance below it is rounding


def brightest(gan: Gan, layer: str, latents: Latents, count: int) -> np.ndarray:
    """So many maps of a layer, those that follow how bright these samples are most, the first one first."""
    with gan.record(layer) as recording:
        pictures = gan.generate(latents)
    return np.argsort(-along_brightness(recording[layer], pictures), kind="stable")[:count]


def along_brightness(maps: torch.Tensor, pictures: torch.Tensor) -> np.ndarray:
    """How well every map of a layer goes along with how bright the picture is at its cells.

    Args:
        maps: (n, maps, h, w), after the layer's activation.
        pictures: (n, c, height, width) that were drawn from them.

    Returns:
        (maps,) Pearson's correlation over all cells of all pictures; 0 for a map that is the same everywhere.
    """
    cells = (maps.shape[2], maps.shape[3])
    sums: list[torch.Tensor | float] = [0.0] * 5
    for some, drawn in zip(maps.split(AT_ONCE), pictures.split(AT_ONCE), strict=True):
        levels = some.double()
        light = F.adaptive_avg_pool2d(drawn.to(maps.device).double().mean(1, keepdim=True), cells)
        moments = (levels, levels.square(), light, light.square(), levels * light)
        sums = [total + moment.sum((0, 2, 3)) for total, moment in zip(sums, moments, strict=True)]
    count = len(maps) * cells[0] * cells[1]
    map_mean, map_square, light_mean, light_square, product = (torch.as_tensor(total) / count for total in sums)
    spread = (_variance(map_mean, map_square) * _variance(light_mean, light_square)).sqrt()
    return torch.where(spread > 0, (product - map_mean * light_mean) / spread, 0.0).cpu().numpy()


def _variance(mean: torch.Tensor, square: torch.Tensor) -> torch.Tensor:
    """Of a mean and a mean square; 0 where it is no more than what rounding leaves."""
    variance = square - mean**2
    return torch.where(variance > EXACT * square, variance, 0.0)
