"""Changes of pictures that labelers are measured on: what a person sees through, and what leaves no window."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from ganlab import ImageSpec

from .augmentation import Augmentation
from .pixels import blurred, hue_rotation

UNIT = ImageSpec(size=64, channels=3, low=0.0, high=1.0)
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # pictures (n, 3, h, w) in [0, 1], window (n, 1, h, w)


# --- changes a person sees through ------------------------------------------------------------------------------


def _hue(degrees: float) -> Change:
    matrix = hue_rotation(torch.tensor([math.radians(degrees)]))[0]
    return lambda pictures, window: torch.einsum("ij,njhw->nihw", matrix, pictures).clamp(0, 1)


def _red(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return pictures * torch.tensor([1.0, 0.35, 0.3]).reshape(3, 1, 1)


def _grey(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return pictures.mean(1, keepdim=True).expand_as(pictures)


def _contrast(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return 0.5 + 0.5 * (pictures - pictures.mean((1, 2, 3), keepdim=True))


def _only_windows(change: Change) -> Change:
    return lambda pictures, window: torch.lerp(pictures, change(pictures, window), blurred(window, 0.7))


def _dim(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return 0.45 * pictures


def _towards_wall(share: float) -> Change:
    return lambda pictures, window: torch.lerp(pictures, _wall(pictures, window), share * _grown(window))


def _blur(sigma: float) -> Change:
    return lambda pictures, window: blurred(pictures, sigma)


def _degraded(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    augmentation = Augmentation(torch.Generator().manual_seed(5), concepts=1)
    return augmentation.degrade(pictures.clone())


def _noisy(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(6))
    return (pictures + 0.06 * noise).clamp(0, 1)


KEPT: dict[str, Change] = {
    "as drawn": lambda pictures, window: pictures,
    **{f"hue turned by {degrees} degrees": _hue(degrees) for degrees in (60, 120, 180, 240, 300)},
    "red light": _red,
    "windows red": _only_windows(_red),
    "grey": _grey,
    "windows grey": _only_windows(_grey),
    "negative": lambda pictures, window: 1 - pictures,
    "windows negative": _only_windows(lambda pictures, window: 1 - pictures),
    "contrast halved": _contrast,
    "windows dimmed to 0.45": _only_windows(_dim),
    "windows half faded into the wall": _towards_wall(0.5),
    "blur of 1 pixel": _blur(1.0),
    "blur of 1.5 pixels": _blur(1.5),
    "noise of 15 levels": _noisy,
    "patterns, noise and blur mixed": _degraded,
}


# --- changes after which there is no window -----------------------------------------------------------------------


def _grown(window: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.max_pool2d(window, 5, 1, 2)


def _wall(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """What surrounds the windows, carried on into them."""
    outside = 1 - _grown(window)
    return blurred(pictures * outside, 5.0) / blurred(outside, 5.0).clamp_min(1e-3)


def _smudge(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return torch.lerp(pictures, blurred(pictures, 4.0), _grown(window))


def _plain_panes(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Frame and sill stay, everything inside them becomes the mean colour of the window."""
    inside = 1 - torch.nn.functional.max_pool2d(1 - window, 5, 1, 2)
    mean = (pictures * window).sum((2, 3), keepdim=True) / window.sum((2, 3), keepdim=True).clamp_min(1)
    return torch.lerp(pictures, mean.expand_as(pictures), inside)


GONE: dict[str, Change] = {
    "gone: wall instead of windows": _towards_wall(1.0),
    "gone: windows blurred to a smudge": _smudge,
    "gone: one colour inside the frame": _plain_panes,
}
