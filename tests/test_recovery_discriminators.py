"""What a discriminator tells of the pictures' range, and what is worked out of the discriminator itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, Hints, Stored
from ganlab.card import Card
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior
from ganlab.recovery import witness
from ganlab.recovery.decisions import of_discriminator
from ganlab.recovery.discriminators import Discriminator
from ganlab.recovery.estimating import estimate_statistics
from ganlab.recovery.recover import recover
from ganlab.recovery.smoothness import roughness
from ganlab.recovery.witness import clearly_better
from tests.stripped_kit import BATCH, NEAR, Z, chosen, decided, far, recovered, seen, stored, transposed

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_discriminator_has_the_eps_of_its_framework() -> None:
    judge = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 16))
    (network,) = stored(judge).networks
    gan = recover(Stored((network,), "made", eps=1e-3), "made", Hints(image_size=32))
    assert gan.discriminator is not None
    assert [norm.eps for norm in gan.discriminator.modules() if isinstance(norm, nn.BatchNorm2d)] == [1e-3]


def test_pictures_from_0_to_1_are_told_by_the_discriminator() -> None:
    network = seen(nn.Sequential(*transposed(end=nn.Sigmoid)))
    judge = nn.Sequential(
        *(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 12, 4, 2, 1), nn.BatchNorm2d(12)),
        *(nn.LeakyReLU(0.2), nn.Conv2d(12, 1, 4)),
    )
    torch.manual_seed(2)
    with torch.no_grad():
        for _ in range(100):
            judge.train()(network(torch.randn(BATCH, Z)))
    judge.eval()
    gan = recovered(network, judge)
    assert (gan.image.low, gan.image.high) == (0, 1)
    assert decided(gan)["last activation of the generator"].get("certain", True)
    assert far(gan, network) <= NEAR
    pictures = gan.generate(gan.latents(8))
    with torch.no_grad():
        assert torch.allclose(gan.score(pictures), judge(pictures).flatten(), atol=1e-3)
    alone = recovered(network)
    assert not decided(alone)["last activation of the generator"]["certain"]
    assert far(recovered(network, output="sigmoid"), network) <= NEAR


def judge_of_a_tutorial(eps: float = 0.8) -> nn.Sequential:
    """Of 16x16 with three channels: the activation before the norm, and a large eps."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 2, 1), nn.LeakyReLU(0.2), nn.BatchNorm2d(16, eps)),
        *(nn.Conv2d(16, 16, 3, 2, 1), nn.LeakyReLU(0.2), nn.BatchNorm2d(16, eps)),
        *(nn.Conv2d(16, 16, 3, 2, 1), nn.LeakyReLU(0.2), nn.BatchNorm2d(16, eps), nn.Flatten(), nn.Linear(64, 1)),
    )


def having_seen(judge: nn.Module, generator: nn.Module) -> nn.Module:
    """The discriminator after its norms saw what a generator draws."""
    with torch.no_grad():
        for _ in range(100):
            judge.train()(generator(torch.randn(BATCH, Z)))
    return judge.eval()


@pytest.mark.parametrize(("eps", "end"), [(0.8, nn.Tanh), (0.8, nn.Sigmoid), (1e-5, nn.Tanh)])
def test_the_eps_of_a_discriminator_is_heard(eps: float, end: type[nn.Module]) -> None:
    network = seen(nn.Sequential(*transposed(end=end)))
    judge = having_seen(judge_of_a_tutorial(eps), network)
    gan = recovered(network, judge, scramble=False)
    range_ = decided(gan)["last activation of the generator"]
    assert (range_["chosen"], range_.get("certain", True)) == (end.__name__.lower(), True)
    assert chosen(gan, "eps of the discriminator") == (["0.8"] if eps == 0.8 else [])
    pictures = gan.generate(gan.latents(8))
    with torch.no_grad():
        assert torch.allclose(gan.score(pictures), judge(pictures).flatten(), atol=1e-3)


def test_a_discriminator_that_fits_nothing_leaves_the_range_open() -> None:
    network = seen(nn.Sequential(*transposed()))
    judge = having_seen(judge_of_a_tutorial(), network)
    for norm in judge.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean += 40 * norm.running_var.sqrt()  # type: ignore[operator, union-attr]
    range_ = decided(recovered(network, judge, scramble=False))["last activation of the generator"]
    assert (range_["chosen"], range_["certain"]) == ("tanh", False)
    assert "does not tell" in range_["evidence"]


@pytest.mark.parametrize(
    ("errors", "certain"),
    [
        ({"leaky_relu 0.2": 0.02, "relu": 0.3, "elu": 0.4}, True),
        ({"leaky_relu 0.2": 0.02, "relu": 0.025, "elu": 0.4}, False),
        ({"leaky_relu 0.2": 0.4, "relu": 0.3, "elu": 0.9}, False),  # kept, as relu is not convincingly better
        ({"leaky_relu 0.2": 0.9, "relu": 9.0, "elu": 9.0}, False),  # the best of what does not fit
        ({}, False),
    ],
)
def test_the_discriminators_activation_is_certain_only_far_from_its_rivals(
    errors: dict[str, float], certain: bool
) -> None:
    judgement = Discriminator((), "leaky_relu 0.2", "tanh", {"tanh": 0.02, "sigmoid": 1.0}, errors, 16, ())
    decision = of_discriminator(judgement, "tanh", None, Hints())[-1]
    assert decision.certain is certain
    assert ("relu: " in decision.runner_up) is bool(errors)


JUDGE_WITHOUT_NORMS = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 1, 8)).eval()


@pytest.mark.parametrize("normed", [True, False])
def test_a_card_states_the_activation_of_a_discriminator(normed: bool, tmp_path: Path) -> None:
    network = seen(nn.Sequential(*transposed()))
    judge = having_seen(judge_of_a_tutorial(1e-5), network) if normed else JUDGE_WITHOUT_NORMS
    usual = recovered(network, judge, scramble=False, activation="relu", z="normal")
    assert chosen(usual, "activation of the discriminator") == ["leaky_relu 0.2"]
    card = tmp_path / "card.toml"
    card.write_text('[architecture]\ndiscriminator_activation = "relu"\n')
    gan = recovered(network, judge, scramble=False, activation="relu", z="normal", card=card)
    decision = decided(gan)["activation of the discriminator"]
    assert (decision["chosen"], decision["evidence"]) == ("relu", "as you said")
    assert gan.discriminator is not None
    assert not any(isinstance(layer, nn.LeakyReLU) for layer in gan.discriminator.modules())
    assert far(gan, network) <= NEAR
    alone = Stored((stored(judge, scramble=False).networks[0],), "made")
    assert (
        decided(recover(alone, "made", Hints(image_size=16, card=card)))["activation of the discriminator"] == decision
    )
    card.write_text('[architecture]\ndiscriminator_activation = "rely"\n')
    with pytest.raises(GanlabError, match="discriminator_activation cannot be 'rely'"):
        recover(alone, "made", Hints(image_size=16, card=card))


class OfItsClass(nn.Module):
    """A picture whose every value is its class."""

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return labels.float().reshape(-1, 1, 1, 1).expand(len(z), 1, 4, 4)


def test_a_discriminators_statistics_are_those_over_all_classes() -> None:
    judge = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(16, 1))
    gan = Gan(OfItsClass(), judge, prior=Prior(Z), image=ImageSpec(4, 1), card=Card("made"), classes=4)
    norm = estimate_statistics(gan).discriminator[0]  # type: ignore[index]
    assert norm.running_mean.item() == pytest.approx(1.5)
    assert norm.running_var.item() == pytest.approx(1.25, rel=0.02)


class Bright(nn.Module):
    """Pictures of mean 3 and variance 4, before a norm that knows nothing of them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.norm(3 + 2 * z.reshape(-1, 1, 4, 4))


def test_a_discriminators_statistics_are_those_of_the_generator_with_statistics_of_its_own() -> None:
    judge = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(16, 1))
    gan = estimate_statistics(Gan(Bright(), judge, prior=Prior(16, "normal"), image=ImageSpec(4, 1), card=Card("made")))
    for norm, mean, variance in ((gan.generator.norm, 3, 4), (gan.discriminator[0], 0, 1)):  # type: ignore[index, union-attr]
        assert norm.running_mean.item() == pytest.approx(mean, abs=0.1)
        assert norm.running_var.item() == pytest.approx(variance, rel=0.1)


def test_a_gain_within_chance_is_none() -> None:
    """On average both are as much better; channel by channel one of them is so by luck."""
    good = [witness.Testimony(torch.full((8,), 0.5))]
    assert clearly_better(good, [witness.Testimony(torch.full((8,), 0.55))])
    assert not clearly_better(good, [witness.Testimony(torch.tensor([1.4, -0.3]).repeat(4) + 0.0)])


@pytest.mark.parametrize("axis", [2, 3])
def test_chequers_along_either_axis_are_rough(axis: int) -> None:
    smooth = torch.linspace(-1, 1, 16).reshape(1, 1, 16, 1) + torch.linspace(-1, 1, 16)
    assert roughness(smooth) == pytest.approx(0.5)
    chequers = 0.3 * (-1.0) ** torch.arange(16).reshape(1, 1, *((16, 1) if axis == 2 else (1, 16)))
    step = 2 / 15  # up and down by 0.6 from one to the next, and not at all to the one after it
    expected = ((7 * (0.6 + step) + 8 * (0.6 - step)) / 15 / (2 * step) + 0.5) / 2
    assert roughness(smooth + chequers) == pytest.approx(expected, rel=0.02)


def test_learnt_slopes_are_not_said_to_be_another_activation() -> None:
    network = seen(nn.Sequential(*transposed(nn.PReLU)))
    judge = nn.Sequential(
        *(nn.Conv2d(3, 8, 4, 2, 1), nn.PReLU(), nn.Conv2d(8, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.PReLU(8)),
        nn.Conv2d(8, 1, 4),
    )
    gan = recovered(network, having_seen(judge, network), scramble=False)
    alone = recover(Stored((stored(judge, scramble=False).networks[0],), "made"), "made", Hints(image_size=16))
    activations = [one for of in (gan, alone) for what, one in decided(of).items() if what.startswith("activation")]
    assert [one["chosen"] for one in activations] == ["prelu"] * 4
    assert all(one.get("certain", True) and "stored" in one["evidence"] for one in activations)
    pictures = gan.generate(gan.latents(8))
    with torch.no_grad():
        assert torch.allclose(gan.score(pictures), judge(pictures).flatten(), atol=1e-3)
