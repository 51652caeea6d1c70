"""What TensorFlow calls "same" padding puts the odd pixel to the right and below, in both networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganlab import Hints, Stored, StoredNetwork
from ganlab.recovery.parts import parts_of
from ganlab.recovery.recover import recover
from tests.recovery_kit import Reshape
from tests.stripped_kit import Z, seen

pytestmark = pytest.mark.usefixtures("one_thread")


class Up(nn.ConvTranspose2d):
    """5x5 that doubles the side: one pixel is cut off at the left and above, two at the right and below."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 5, 2, bias=False)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        side = slice(1, 1 + 2 * maps.shape[-1])
        return super().forward(maps)[:, :, side, side]


class Down(nn.Conv2d):
    """5x5 that halves the side, over zeros that lie so too."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 5, 2, bias=False)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return super().forward(F.pad(maps, (1, 2, 1, 2)))


def test_the_odd_pixel_is_padded_right_and_below() -> None:
    generator = seen(
        nn.Sequential(
            *(nn.Linear(Z, 64, bias=False), Reshape(4, 4, 4), nn.LeakyReLU(0.2)),
            *(Up(4, 4), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), Up(4, 3), nn.Tanh()),
        )
    )
    judge = nn.Sequential(Down(3, 4), nn.LeakyReLU(0.2), Down(4, 4), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1))
    networks = tuple(StoredNetwork(name, parts_of(one.state_dict())) for name, one in (("g", generator), ("d", judge)))
    stored = Stored(networks, "tensorflow", same_padding=True)
    gan = recover(stored, "case", Hints(z="normal", activation="leaky_relu 0.2", output="tanh", image_size=16))
    latents = gan.latents(4)
    with torch.no_grad():
        pictures = generator(latents.z)
        torch.testing.assert_close(gan.generate(latents), pictures)
        torch.testing.assert_close(gan.score(pictures), judge(pictures).flatten())
