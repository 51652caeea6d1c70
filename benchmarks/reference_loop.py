"""The training loop that every PyTorch user knows, as the DCGAN example of PyTorch teaches it, in our own words.

Nothing here is ganlab's: plain ``nn.Sequential`` networks, plain Adam, labels of ones and zeros, the losses read off
the device by ``.item()`` in every step; a folder of pictures, decoded again in every epoch by the workers of a
``DataLoader``. It is what ``training_step.py`` measures ganlab against.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

Z_DIM = 100
SIDE = 64


def initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def make_generator(width: int = 64, channels: int = 3) -> nn.Sequential:
    """z (n, 100, 1, 1) -> pictures (n, channels, 64, 64)."""
    layers: list[nn.Module] = []
    maps = [Z_DIM, width * 8, width * 4, width * 2, width]
    for position, (inputs, outputs) in enumerate(pairwise(maps)):
        stride, padding = (1, 0) if position == 0 else (2, 1)
        layers += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(True),
        ]
    layers += [nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers).apply(initialise)


def make_discriminator(width: int = 64, channels: int = 3) -> nn.Sequential:
    """Pictures (n, channels, 64, 64) -> probabilities of being real (n, 1, 1, 1)."""
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for factor in (1, 2, 4):
        layers += [
            nn.Conv2d(width * factor, width * factor * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width * factor * 2),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    layers += [nn.Conv2d(width * 8, 1, 4, 1, 0, bias=False), nn.Sigmoid()]
    return nn.Sequential(*layers).apply(initialise)


class Pictures(Dataset[torch.Tensor]):
    """A folder's first pictures, each (3, 64, 64) in [-1, 1]: what torchvision's ``ImageFolder`` gives with Resize,
    CenterCrop, ToTensor and Normalize."""

    def __init__(self, folder: Path, count: int) -> None:
        self.paths = sorted(folder.iterdir())[:count]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> torch.Tensor:
        with Image.open(self.paths[place]) as file:
            picture = file.convert("RGB")
        width, height = (SIDE * length // min(picture.size) for length in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
        pixels = np.array(picture.crop((left, top, left + SIDE, top + SIDE)))
        return (torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255 - 0.5) / 0.5


def loaded(folder: Path, count: int, batch: int, workers: int) -> DataLoader[torch.Tensor]:
    """Full batches (batch, 3, 64, 64) of an epoch, in another order each time."""
    return DataLoader(Pictures(folder, count), batch, shuffle=True, num_workers=workers, drop_last=True)


class ReferenceLoop:
    """Networks, optimisers and one step, in the order in which the example does everything."""

    def __init__(
        self,
        device: str = "cpu",
        lr: float = 2e-4,
        beta1: float = 0.5,
        networks: tuple[nn.Sequential, nn.Sequential] | None = None,  # those of the example where there are none
    ) -> None:
        torch.backends.cudnn.benchmark = True  # as the example asks for; of torch's defaults it leaves the others
        self.device = device
        generator, discriminator = networks or (make_generator(), make_discriminator())
        self.generator = generator.to(device)
        self.discriminator = discriminator.to(device)
        self.criterion = nn.BCELoss()
        self.adam_d = torch.optim.Adam(self.discriminator.parameters(), lr=lr, betas=(beta1, 0.999))
        self.adam_g = torch.optim.Adam(self.generator.parameters(), lr=lr, betas=(beta1, 0.999))

    def step(self, real: torch.Tensor) -> tuple[float, ...]:
        """One step on real pictures (n, c, 64, 64) in [-1, 1]: both losses, D(x), and D(G(z)) before and after."""
        # the discriminator: real pictures, then generated ones
        self.discriminator.zero_grad()
        real = real.to(self.device)
        label = torch.full((len(real),), 1.0, device=self.device)
        output = self.discriminator(real).view(-1)
        loss_real = self.criterion(output, label)
        loss_real.backward()
        d_of_x = output.mean().item()

        z = torch.randn(len(real), Z_DIM, 1, 1, device=self.device)
        fake = self.generator(z)
        label.fill_(0.0)
        output = self.discriminator(fake.detach()).view(-1)
        loss_fake = self.criterion(output, label)
        loss_fake.backward()
        d_of_fake = output.mean().item()
        loss_d = loss_real + loss_fake
        self.adam_d.step()

        # the generator: labels of real ones for what it made
        self.generator.zero_grad()
        label.fill_(1.0)
        output = self.discriminator(fake).view(-1)
        loss_g = self.criterion(output, label)
        loss_g.backward()
        d_of_fake_after = output.mean().item()
        self.adam_g.step()
        return loss_d.item(), loss_g.item(), d_of_x, d_of_fake, d_of_fake_after
