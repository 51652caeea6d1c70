"""No two seeds are one: torch's generator on the CPU takes 32 bits of a seed, and ganlab's seeds have 63."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.architectures.chain import build_chain
from ganlab.architectures.dcgan import DcganSettings, build_dcgan
from ganlab.architectures.digits import DigitsSettings, build_digits
from ganlab.architectures.mlp import MlpSettings, build_mlp
from ganlab.errors import GanlabError
from ganlab.networks.weights import redrawn, torch_seed, weights_digest
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings

ALIKE = (5, 5 + 2**31, 5 + 2**32, 5 + 2**40, 2**63 - 1)
CHAIN = {
    "generator": [{"name": "linear", "kind": "linear", "inputs": 4, "outputs": 4}],
    "discriminator": [{"name": "conv", "kind": "conv", "inputs": 1, "outputs": 1, "kernel": [3, 3]}],
}


def digests(networks: tuple[nn.Module, ...]) -> list[str]:
    return [weights_digest(network.state_dict()) for network in networks]


@pytest.mark.parametrize(
    "build",
    [
        lambda seed: build_dcgan(DcganSettings(16, 3, 4, 10), seed),
        lambda seed: build_digits(DigitsSettings(8, 1, 2, 10), seed),
        lambda seed: build_mlp(MlpSettings(8, 1, 3, 10), seed),
        lambda seed: build_chain(CHAIN, seed),
        lambda seed: (redrawn(nn.Linear(8, 8), seed, "network"),),
    ],
    ids=["dcgan", "digits", "mlp", "chain", "redrawn"],
)
def test_every_seed_has_weights_of_its_own(build: object) -> None:
    found = [digest for seed in ALIKE for digest in digests(build(seed))]  # type: ignore[operator]
    assert len(set(found)) == len(found)


def test_a_network_that_is_fresh_from_the_same_seed_can_be_drawn_anew() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    assert digests((redrawn(network, 3, "network"),)) == digests((network,))
    assert digests((redrawn(network, 4, "network"),)) != digests((network,))


def test_small_seeds_are_torchs_own() -> None:
    """So that checkpoints and controls that were ever drawn with one stay."""
    assert [torch_seed(seed) for seed in (0, 7, 2**32 - 1)] == [0, 7, 2**32 - 1]
    assert all(0 <= torch_seed(seed) < 2**32 for seed in (2**32, 2**64 - 1))
    with pytest.raises(GanlabError, match="2\\*\\*64"):
        torch_seed(2**64)


def noise_of(seed: int, step: int) -> torch.Tensor:
    trainer = Trainer(tiny_settings(seed=seed, noise=0.1), "cpu")
    return trainer.draws.noise(torch.zeros(8, 3, 16, 16), step)(torch.zeros(8, 3, 16, 16))


def dropped_of(seed: int, step: int) -> torch.Tensor:
    trainer = Trainer(tiny_settings(seed=seed), "cpu")
    with trainer.draws.dropout(step):
        return torch.rand(8, 16)


@pytest.mark.parametrize("drawn", [noise_of, dropped_of])
def test_what_a_step_draws_belongs_to_its_seed_and_its_number(drawn: object) -> None:
    places = [(seed, step) for seed in (0, 1, *ALIKE) for step in (0, 1, 7)]
    found = [drawn(*place).flatten().numpy() for place in places]  # type: ignore[operator]
    assert all(abs(np.corrcoef(*pair)[0, 1]) < 0.5 for pair in combinations(found, 2))
    assert np.array_equal(drawn(*places[-1]).flatten(), found[-1])  # type: ignore[operator]


def test_noise_and_dropout_are_drawn_apart() -> None:
    trainer = Trainer(tiny_settings(noise=1.0), "cpu")
    noise = trainer.draws.noise(torch.zeros(8, 3, 16, 16), 0)(torch.zeros(8, 3, 16, 16))
    with trainer.draws.dropout(0):
        assert not torch.equal(torch.randn(8, 3, 16, 16), noise)


def test_two_seeds_see_other_noise_in_a_run() -> None:
    shown = []
    for seed in (0, 1):
        trainer = Trainer(tiny_settings(seed=seed, noise=0.1), "cpu")
        handle = trainer.discriminator.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0]))
        trainer.advance(Pictures(8).batch(np.arange(8)))
        handle.remove()
    assert not torch.equal(shown[0], shown[3])
