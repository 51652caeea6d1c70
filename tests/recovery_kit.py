"""Random GANs of the kinds that people train, trained for a moment, stripped to their state dicts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

STEPS, BATCH = 60, 64
ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu 0.2": lambda: nn.LeakyReLU(0.2),
    "leaky_relu 0.01": lambda: nn.LeakyReLU(0.01),
    "elu": nn.ELU,
    "selu": nn.SELU,
}
OUTPUTS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


@dataclass(frozen=True)
class RandomGan:
    """A generator with what was decided about it by lot.

    Attributes:
        generator: in eval mode; z (n, dim) -> pictures.
        discriminator: pictures -> logits.
        truth: "z", "activation", "output", "size", "kind", "z_dim", "classes".
    """

    generator: nn.Module
    discriminator: nn.Module
    truth: dict[str, Any]

    def pictures(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """In [low, high] of the output activation."""
        with torch.no_grad():
            return self.generator(z) if labels is None else self.generator(z, labels)


class Reshape(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.reshape(len(features), *self.shape)


class Conditional(nn.Module):
    """The class embedded and put beside z."""

    def __init__(self, classes: int, dims: int, body: nn.Module) -> None:
        super().__init__()
        self.label_emb = nn.Embedding(classes, dims)
        self.body = body

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.body(torch.cat([z, self.label_emb(labels)], 1))


def random_gan(seed: int, steps: int = STEPS) -> RandomGan:
    """The GAN of this number, trained for some steps on blobs of colour."""
    lot = random.Random(seed)
    torch.manual_seed(seed)
    kind = lot.choice(
        ["transposed", "transposed", "transposed", "linear first", "upsampling", "matrices", "conditional"]
    )
    truth: dict[str, Any] = {
        "kind": kind,
        "z": lot.choice(["normal", "normal", "uniform", "uniform01"]),
        "z_dim": lot.choice([16, 32, 50, 64, 100, 128]),
        "activation": lot.choice(list(ACTIVATIONS)),
        "output": lot.choice(["tanh", "tanh", "sigmoid"]),
        "size": lot.choice([28, 32, 32, 64]),
        "channels": lot.choice([1, 3, 3]),
        "width": lot.choice([8, 12, 16]),
        "bias": lot.random() < 0.5,
    }
    inputs = truth["z_dim"] + (8 if kind == "conditional" else 0)
    body = _matrices(lot, truth) if kind == "matrices" else _convolutions(lot, truth, inputs)
    generator: nn.Module = Conditional(10, 8, body) if kind == "conditional" else body
    truth["classes"] = 10 if kind == "conditional" else None
    discriminator = _discriminator(lot, truth)
    _train(generator, discriminator, truth, steps)
    return RandomGan(generator.eval(), discriminator.eval(), truth)


def _convolutions(lot: random.Random, truth: dict[str, Any], inputs: int) -> nn.Sequential:
    act, width, bias = ACTIVATIONS[truth["activation"]], truth["width"], truth["bias"]
    size = truth["size"]
    first = 7 if size == 28 else 4
    doublings = {28: 2, 32: 3, 64: 4}[size]
    maps = [width * 2**step for step in range(doublings)][::-1]
    layers: list[nn.Module] = []
    if truth["kind"] in ("linear first", "upsampling", "conditional"):
        layers += [nn.Linear(inputs, maps[0] * first**2), Reshape(maps[0], first, first)]
    else:
        layers += [Reshape(inputs, 1, 1), nn.ConvTranspose2d(inputs, maps[0], first, bias=bias)]
    layers += [nn.BatchNorm2d(maps[0]), act()]
    kernel = lot.choice([4, 4, 5, 3])
    truth["kernel"] = kernel
    for before, after in zip(maps, [*maps[1:], truth["channels"]], strict=True):
        last = after == truth["channels"] and before == maps[-1]
        if truth["kind"] == "upsampling":
            mode = lot.choice(["nearest", "nearest", "bilinear"])
            layers.append(nn.Upsample(scale_factor=2, mode=mode))
            layers.append(nn.Conv2d(before, width if last else after, 3, padding=1, bias=bias))
            if last:
                layers += [nn.BatchNorm2d(width), act(), nn.Conv2d(width, after, 3, padding=1)]
        else:
            layers.append(_doubling(before, after, kernel, bias))
        if not last:
            layers += [nn.BatchNorm2d(after), act()]
    return nn.Sequential(*layers, OUTPUTS[truth["output"]]())


def _doubling(inputs: int, outputs: int, kernel: int, bias: bool) -> nn.Module:
    if kernel % 2 == 0:
        return nn.ConvTranspose2d(inputs, outputs, kernel, 2, kernel // 2 - 1, bias=bias)
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, kernel // 2, 1, bias=bias)


def _matrices(lot: random.Random, truth: dict[str, Any]) -> nn.Sequential:
    act = ACTIVATIONS[truth["activation"]]
    truth["size"] = lot.choice([28, 32])
    pixels = truth["channels"] * truth["size"] ** 2
    layers: list[nn.Module] = []
    before = truth["z_dim"]
    for features in (64, 128, 256):
        layers += [nn.Linear(before, features), nn.BatchNorm1d(features), act()]
        before = features
    layers += [nn.Linear(before, pixels), OUTPUTS[truth["output"]]()]
    return nn.Sequential(*layers, Reshape(truth["channels"], truth["size"], truth["size"]))


def _discriminator(lot: random.Random, truth: dict[str, Any]) -> nn.Sequential:
    width, side = truth["width"], truth["size"] // 4
    layers = [nn.Conv2d(truth["channels"], width, 4, 2, 1), nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(width, 2 * width, 4, 2, 1), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
    if lot.random() < 0.5 or truth["size"] == 28:
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * side**2, 1))
    return nn.Sequential(*layers, nn.Conv2d(2 * width, 1, side), nn.Flatten(0))


def _train(generator: nn.Module, discriminator: nn.Module, truth: dict[str, Any], steps: int) -> None:
    betas = (0.5, 0.999)
    of_generator = torch.optim.Adam(generator.parameters(), 1e-3, betas=betas)
    of_discriminator = torch.optim.Adam(discriminator.parameters(), 1e-3, betas=betas)
    low = -1.0 if truth["output"] == "tanh" else 0.0
    for _ in range(steps):
        real = blobs(BATCH, truth["channels"], truth["size"]) * (1 - low) + low
        fake = _drawn(generator, truth)
        loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        loss = F.softplus(-discriminator(_drawn(generator, truth))).mean()
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()


def latents(law: str, n: int, dim: int) -> torch.Tensor:
    """z (n, dim) of a law."""
    if law == "normal":
        return torch.randn(n, dim)
    return torch.rand(n, dim) if law == "uniform01" else torch.rand(n, dim) * 2 - 1


def _drawn(generator: nn.Module, truth: dict[str, Any]) -> torch.Tensor:
    z = latents(truth["z"], BATCH, truth["z_dim"])
    if truth["classes"] is None:
        return generator(z)
    return generator(z, torch.randint(truth["classes"], (BATCH,)))


def blobs(n: int, channels: int, size: int) -> torch.Tensor:
    """Pictures (n, channels, size, size) in [0, 1]: a smooth random field."""
    return torch.sigmoid(3 * F.interpolate(torch.randn(n, channels, 4, 4), (size, size), mode="bicubic"))


def scrambled(state: dict[str, torch.Tensor], seed: int, wholly: bool) -> dict[str, torch.Tensor]:
    """The same tensors in the same order under names that say nothing; ``wholly`` spares not even the last word."""
    lot = random.Random(seed)
    words: dict[str, str] = {}
    renamed = {}
    for number, (key, value) in enumerate(state.items()):
        prefix, _, last = key.rpartition(".")
        word = words.setdefault(prefix, "".join(lot.choices("abcdefghijklmnopqrstuvwxyz", k=6)))
        renamed[f"{word}{number}" if wholly else f"{word}.{last}"] = value
    return renamed
