"""Are two pictures the same one? Detail is compared over all small shifts and zooms, colours by a coarse look."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from .autoencoder import channels_first

SIDE = 64  # of the pictures compared, in pixels
REACH = 6  # pixels that one picture may be shifted against the other: twice the paper-sized shift of 3
ZOOMS = (0.95, 1.0, 1 / 0.95)  # tried everywhere; NEAR ones around the best of them
NEAR = (0.975, 1.0, 1 / 0.975)
WINDOW = SIDE - 2 * REACH
FINE, WIDE = 3, 13  # pixels: detail is what a box of the first size keeps and one of the second takes away
LUMA = (0.299, 0.587, 0.114)  # of red, green, blue, as in JPEG
FLAT = 0.01  # standard deviation, of a range of 1, below which detail counts as noise
GAIN = (0.7, 1.4)  # brightness of one picture by the other's: 0.85 and 1.15 are 1.35 apart
COLOUR_TOLERANCE = 0.12  # root mean square over a 4x4 grid of mean colours, of a range of 1
CHUNK = 64  # pairs at once: 30 MB


def compare(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How alike two pictures are once one is laid over the other.

    Args:
        first, second: (p, 64, 64, 3) uint8, pair by pair.

    Returns:
        The normalised correlation (p,) of their detail at the best of all shifts up to 6 pixels and zooms up to 8%, at
        most 1; and the difference (p,) of their coarse colours at the best brightness, 0 to 1.
    """
    similarity, difference = np.empty(len(first)), np.empty(len(first))
    with torch.inference_mode():
        for start in range(0, len(first), CHUNK):
            rows = slice(start, start + CHUNK)
            a, b = channels_first(first[rows]), channels_first(second[rows])
            similarity[rows] = _best_correlation(_grey(a), _grey(b)).numpy()
            difference[rows] = _colour_difference(a, b).numpy()
    return similarity, difference


def same(similarity: np.ndarray, difference: np.ndarray, threshold: float) -> np.ndarray:
    """Which pairs are one picture, (p,) bool: their detail fits, and so do their colours."""
    return (similarity >= threshold) & (difference <= COLOUR_TOLERANCE)


def _grey(x: torch.Tensor) -> torch.Tensor:
    """(p, 1, 64, 64): JPEG keeps brightness finely and colour coarsely, so detail is that of brightness."""
    return (x * torch.tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def _best_correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(p,): first every other pixel's shift and three zooms, then the nearest shifts and zooms around the best."""
    wanted = _detail(b)[:, :, REACH : REACH + WINDOW : 2, REACH : REACH + WINDOW : 2].flatten(1)
    coarse = range(0, 2 * REACH + 1, 2)
    scores = torch.stack([_correlations(_detail(_zoomed(a, zoom)), wanted, coarse, coarse) for zoom in ZOOMS], 1)
    best = scores.flatten(1).max(1)
    zoom, place = best.indices // len(coarse) ** 2, best.indices % len(coarse) ** 2
    top, left = 2 * (place // len(coarse)), 2 * (place % len(coarse))
    found = best.values
    for near in NEAR:
        detail = _detail(_zoomed(a, torch.tensor(ZOOMS)[zoom] * near))
        around = torch.stack([_cut(one, y, x) for one, y, x in zip(detail, top.tolist(), left.tolist(), strict=True)])
        found = torch.maximum(found, _correlations(around, wanted, range(3), range(3)).amax(1))
    return found


def _detail(grey: torch.Tensor) -> torch.Tensor:
    return _box(grey, FINE) - _box(grey, WIDE)


def _box(x: torch.Tensor, side: int) -> torch.Tensor:
    """Mean over a square, taken along one axis and then the other; at the edges over what there is."""
    half = side // 2
    x = F.avg_pool2d(x, (side, 1), 1, (half, 0), count_include_pad=False)
    return F.avg_pool2d(x, (1, side), 1, (0, half), count_include_pad=False)


def _zoomed(x: torch.Tensor, zoom: float | torch.Tensor) -> torch.Tensor:
    """The pictures enlarged about their centres; where they become smaller, their edges go on."""
    theta = torch.zeros(len(x), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / torch.as_tensor(zoom)
    places = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, places, padding_mode="border", align_corners=False)


def _cut(detail: torch.Tensor, top: int, left: int) -> torch.Tensor:
    """(1, WINDOW + 2, WINDOW + 2) around a window, one pixel more on each side; what lies outside is no detail."""
    return F.pad(detail, (1, 1, 1, 1))[:, top : top + WINDOW + 2, left : left + WINDOW + 2]


def _correlations(detail: torch.Tensor, wanted: torch.Tensor, tops: range, lefts: range) -> torch.Tensor:
    """Of the window at each place (p, tops x lefts) with what is wanted (p, k), every other pixel of it."""
    windows = [detail[:, :, y : y + WINDOW : 2, x : x + WINDOW : 2].flatten(1) for y in tops for x in lefts]
    scores = [
        ((window * wanted).mean(1) + FLAT**2)
        / torch.sqrt((window.square().mean(1) + FLAT**2) * (wanted.square().mean(1) + FLAT**2))
        for window in windows
    ]
    return torch.stack(scores, 1)


def _colour_difference(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a, b = (F.avg_pool2d(x, SIDE // 4).flatten(1) for x in (a, b))
    gain = ((a * b).sum(1) / a.square().sum(1).clamp_min(1e-6)).clamp(*GAIN)
    return (gain[:, None] * a - b).square().mean(1).sqrt()
