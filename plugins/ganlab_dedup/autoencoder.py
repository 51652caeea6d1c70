"""The paper's autoencoder, 3072-128-3072, and the hash that its code layer gives a picture (section 4.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ganlab import progress

SIZE, BITS = 32, 128
INPUTS = 3 * SIZE * SIZE
BATCH = 256
PEAK_RATE = 3e-3  # of Adam, reached after a fifth of the steps and falling to nothing
DROPOUT = 0.2
# the noise that is taken away again: a little more than a copy should survive
ZOOM, SHIFT, BRIGHTNESS, GRAIN = 0.06, 3.3 / 64, 0.17, 0.02
SHIFTED = 0.7  # of the pictures
QUIET = 8 / 255  # added to a picture's contrast, so that flat ones are not all noise
# (down, right) in pixels of 32: where a copy of the picture may have moved to
VIEWS = ((0, 0), (-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Hasher:
    """The trained code layer: bit k of a picture is 1 where ``weight[k] @ picture > threshold[k]``.

    Attributes:
        weight: (128, 3072) float32, on pictures of mean 0 and contrast 1.
        threshold: (128,) float32, where the ReLU begins.
    """

    weight: torch.Tensor
    threshold: torch.Tensor

    def hashes(self, pictures: np.ndarray) -> np.ndarray:
        """(n, 9, 2) uint64 of pictures (n, 64, 64, 3) uint8: as they are, then moved by a pixel of 32 each way."""
        with torch.inference_mode():
            padded = F.pad(_small(pictures), (1, 1, 1, 1), mode="replicate")
            moved = [padded[:, :, 1 + y : 1 + y + SIZE, 1 + x : 1 + x + SIZE] for y, x in VIEWS]
            bits = torch.stack([F.linear(_even(view), self.weight) > self.threshold for view in moved], 1)
        return np.packbits(bits.numpy(), axis=2).view(np.uint64)


def train(pictures: np.ndarray, steps: int, seed: int) -> Hasher:
    """Learn to restore pictures from distorted ones.

    The noise is what copies differ by: zoom, shift, brightness, grain. Code units are standardised over the batch
    before their ReLU, so that each tells half of the pictures from the others.

    Args:
        pictures: (n, 64, 64, 3) uint8, at least 2.
        steps: of 256 pictures, or of all where there are fewer.
        seed: of weights, order and noise.
    """
    random = torch.Generator().manual_seed(seed)
    scale = INPUTS**-0.5
    weight, out = (
        torch.randn(BITS, INPUTS, generator=random) * scale,
        torch.randn(INPUTS, BITS, generator=random) * scale,
    )
    parameters = [weight, out, torch.zeros(INPUTS)]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = _Adam(parameters)
    for step in progress(steps, "training the hash"):
        rows = torch.randint(len(pictures), (min(BATCH, len(pictures)),), generator=random)
        batch = channels_first(pictures[rows.numpy()])
        with torch.enable_grad():
            code = F.relu(_standardised(F.linear(_even(_distorted(batch, random)), weight)))
            code = code * (torch.rand(code.shape, generator=random) > DROPOUT) / (1 - DROPOUT)
            loss = F.mse_loss(F.linear(code, *parameters[1:]), _even(F.avg_pool2d(batch, 2)))
            gradients = torch.autograd.grad(loss, parameters)
        optimizer.step(gradients, PEAK_RATE * _rate(step / steps))
    weight = weight.detach()
    return Hasher(weight, _mean_response(weight, pictures))


class _Adam:
    """Kingma and Ba (2015). That of torch.optim first imports torch's compiler, which takes seconds."""

    def __init__(self, parameters: Sequence[torch.Tensor], beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.parameters = parameters
        self.betas = beta1, beta2
        self.means = [torch.zeros_like(parameter) for parameter in parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in parameters]
        self.steps = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[torch.Tensor], rate: float) -> None:
        self.steps += 1
        beta1, beta2 = self.betas
        unbiased1, unbiased2 = 1 - beta1**self.steps, 1 - beta2**self.steps
        for place, gradient in enumerate(gradients):
            mean = self.means[place].lerp_(gradient, 1 - beta1)
            square = self.squares[place].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            scale = (square / unbiased2).sqrt_().add_(1e-8)
            self.parameters[place].addcdiv_(mean, scale, value=-rate / unbiased1)


def _rate(done: float) -> float:
    return done / 0.2 if done < 0.2 else 0.5 + 0.5 * float(np.cos(np.pi * (done - 0.2) / 0.8))


def _standardised(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean(0)) / (x.std(0, correction=0) + 1e-3)


def _mean_response(weight: torch.Tensor, pictures: np.ndarray) -> torch.Tensor:
    total = torch.zeros(BITS)
    for start in range(0, len(pictures), BATCH):
        total += F.linear(_even(_small(pictures[start : start + BATCH])), weight).sum(0)
    return total / len(pictures)


def _distorted(batch: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """(b, 3, 64, 64) from 0 to 1 -> (b, 3, 32, 32): part of each, moved, brighter or darker, grainy."""
    count = len(batch)

    def around_zero(*shape: int) -> torch.Tensor:
        return 2 * torch.rand(shape, generator=random) - 1

    cut = ZOOM * torch.rand(count, 1, generator=random)
    moved = around_zero(count, 2) * 2 * SHIFT * (torch.rand(count, 1, generator=random) < SHIFTED)
    places = torch.zeros(count, 2, 3)
    places[:, 0, 0] = places[:, 1, 1] = 1 - cut[:, 0]
    places[:, :, 2] = around_zero(count, 2) * cut + moved
    grid = F.affine_grid(places, [count, 3, SIZE, SIZE], align_corners=True)
    # avg_pool2d(batch, 2, 1), which takes five times as long
    softened = (batch[..., :-1, :-1] + batch[..., :-1, 1:] + batch[..., 1:, :-1] + batch[..., 1:, 1:]) / 4
    x = F.grid_sample(softened, grid, padding_mode="border", align_corners=True)
    x = (x * (1 + BRIGHTNESS * around_zero(count, 1, 1, 1))).clamp(0, 1)
    return x + GRAIN * torch.randn(x.shape, generator=random)


def _even(x: torch.Tensor) -> torch.Tensor:
    """(b, 3, 32, 32) -> (b, 3072) of mean 0 and contrast 1: brightness no longer matters."""
    x = x.flatten(1)
    x = x - x.mean(1, keepdim=True)
    contrast = (x.square().sum(1, keepdim=True) / (INPUTS - 1)).sqrt()  # std would look for the mean again, slowly
    return x / (contrast + QUIET)


def _small(pictures: np.ndarray) -> torch.Tensor:
    return F.avg_pool2d(channels_first(pictures), 2)


def channels_first(pictures: np.ndarray) -> torch.Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 from 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
