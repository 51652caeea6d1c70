"""Discriminators whose strides, paddings or poolings are not the usual ones: found by norms, or said to be open."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganlab import Gan
from tests.stripped_kit import BATCH, Z, decided, linear_first, recovered, seen

pytestmark = pytest.mark.usefixtures("one_thread")

STEEP = 4  # times the last kernel: pictures that fill their range


@pytest.fixture(scope="module")
def drawn() -> nn.Module:
    """28x28, one channel."""
    network = nn.Sequential(*linear_first())
    with torch.no_grad():
        network[-2].weight.mul_(STEEP)  # type: ignore[operator, union-attr]
    return seen(network)


def judged(judge: nn.Module, drawn: nn.Module) -> tuple[Gan, float]:
    """The GAN, and how the scores of its pictures correlate with the discriminator's own."""
    torch.manual_seed(1)
    for norm in judge.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.weight, 1, 0.2)
            nn.init.normal_(norm.bias, 0, 0.2)
    with torch.no_grad():
        for _ in range(60):
            judge.train()(drawn(torch.randn(BATCH, Z)))
        judge.eval()
        gan = recovered(drawn, judge, scramble=False, z="normal", activation="relu")
        pictures = gan.generate(gan.latents(64))
        pair = torch.stack([gan.score(pictures), judge(pictures).flatten(1).mean(1)])
    return gan, float(torch.corrcoef(pair)[0, 1])


def strided(padding: int, last: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 4, 2, padding), nn.BatchNorm2d(8), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(8, 16, 4, 2, padding), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), last),
    )


def pooled(kernel: int, pool: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, kernel, padding=kernel // 2), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), pool(2)),
        *(nn.Conv2d(8, 16, kernel, padding=kernel // 2), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), pool(2)),
        *(nn.Flatten(), nn.Linear(16 * 49, 1)),
    )


@pytest.mark.parametrize(
    "judge",
    [strided(0, nn.Conv2d(16, 1, 4, 2)), pooled(3, nn.MaxPool2d), pooled(5, nn.AvgPool2d)],
    ids=["no padding", "max pooling", "average pooling"],
)
def test_norms_find_what_is_not_usual(judge: nn.Sequential, drawn: nn.Module) -> None:
    gan, alike = judged(judge, drawn)
    assert alike > 0.999
    assert not any("scores may be wrong" in note for note in gan.card.notes)
    assert decided(gan)["last activation of the generator"].get("certain", True)


def test_a_geometry_behind_the_last_norm_is_left_open(drawn: nn.Module) -> None:
    gan, _ = judged(strided(1, nn.Conv2d(16, 1, 4, 1, 1)), drawn)
    decision = decided(gan)["geometry of the discriminator's 6"]
    assert not decision["certain"]
    assert "stride" in decision["runner_up"]
    settled, alike = judged(strided(1, nn.Conv2d(16, 1, 7)), drawn)  # a kernel that takes the whole map
    assert alike > 0.999
    assert not any("geometry of the discriminator" in what for what in decided(settled))


def test_a_discriminator_that_fits_no_way_is_said_to(drawn: nn.Module) -> None:
    class Squared(nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features.square()

    judge = strided(1, nn.Conv2d(16, 1, 7))
    judge[2] = Squared()
    gan, alike = judged(judge, drawn)
    assert alike < 0.9
    assert any("scores may be wrong" in note for note in gan.card.notes)


def test_numbers_that_leave_a_place_tell_poolings_where_there_is_no_norm(drawn: nn.Module) -> None:
    judge = nn.Sequential(
        *(nn.Conv2d(1, 8, 5), nn.LeakyReLU(0.2), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.LeakyReLU(0.2)),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)),
    )
    gan, alike = judged(judge, drawn)
    assert alike > 0.999
    decision = decided(gan)["geometry of the discriminator's convolutions"]
    assert not decision["certain"]
    assert "average pooling" in decision["runner_up"] or "stride 2" in decision["runner_up"]
