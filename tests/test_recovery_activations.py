"""Which activation follows a norm, none among them, and where a sequence has room for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from ganlab.recovery import witness
from ganlab.recovery.hearing import LATENTS, Hearing
from ganlab.recovery.hypotheses import Hypothesis
from ganlab.recovery.parts import parts_of
from tests.recovery_kit import latents
from tests.stripped_kit import (
    BATCH,
    NEAR,
    Z,
    chosen,
    decided,
    far,
    recovered,
    seen,
    transposed,
    upsampling_right_after_norm,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("name", "act"),
    {
        "relu": nn.ReLU,
        "leaky_relu 0.2": lambda: nn.LeakyReLU(0.2),
        "leaky_relu 0.01": nn.LeakyReLU,
        "elu": nn.ELU,
        "selu": nn.SELU,
        "tanh": nn.Tanh,
    }.items(),
)
def test_activations_are_told_apart(name: str, act: Callable[[], nn.Module]) -> None:
    network = seen(nn.Sequential(*transposed(act, width=32)))
    gan = recovered(network)
    first = next(one for what, one in decided(gan).items() if what.startswith("activation after"))
    if first["chosen"] == name:
        assert far(gan, network) <= NEAR
    else:  # too like another for so few channels to tell: the other is named, and nothing is called certain
        assert not first["certain"]
        assert first["runner_up"].startswith(name)
        assert far(recovered(network, activation=name), network) <= NEAR


def test_selu_is_not_taken_for_none() -> None:
    """It keeps means and variances as no activation would; after few batches their difference is hard to hear."""
    network = seen(nn.Sequential(*transposed(nn.SELU)), batches=30)
    assert set(chosen(recovered(network), "activation after")) == {"selu"}


def test_no_activation_that_looks_like_selu_keeps_selu_from_being_certain() -> None:
    gan = recovered(seen(nn.Sequential(*transposed(nn.Identity)), batches=200))
    first = next(one for what, one in decided(gan).items() if what.startswith("activation after"))
    assert first["chosen"] == "none" or (not first["certain"] and first["runner_up"].startswith("none"))


@pytest.mark.parametrize("scramble", [True, False])
def test_no_activation_is_found_where_it_fits_far_better(scramble: bool) -> None:
    network = nn.Sequential(*transposed(nn.Identity))
    nn.init.constant_(network[2].weight, 4.0)  # type: ignore[arg-type]  # SELU would bend what is so spread
    with torch.no_grad():
        for _ in range(200):
            network.train()(latents("normal", BATCH, Z))
    assert chosen(recovered(network.eval(), scramble=scramble), "activation after")[0] == "none"


def test_no_activation_is_heard_on_as_many_latents_as_its_rivals() -> None:
    """On few its error would look larger than it is, and a rival's certain."""
    torch.manual_seed(0)
    features = torch.randn(LATENTS, 64).sign()
    norm = nn.BatchNorm1d(64, momentum=1.0)
    norm(features)
    (part,) = parts_of({f"0.{key}": value for key, value in norm.state_dict().items() if "batches" not in key})
    selu = Hypothesis({"activation 0": "selu"}, (), features * 1.05)
    none = Hypothesis({"activation 0": "none"}, (), features)
    hearing = Hearing()
    (kept,) = hearing.left([selu], part, idle=[none])
    assert kept.choices == selu.choices
    (ruling,) = hearing.rulings
    assert ruling.runner_up_error < 0.02 < ruling.error
    assert not ruling.clear


# the only place in a sequence


@pytest.mark.parametrize("hints", [{}, {"activation": "leaky_relu 0.2"}])
def test_the_only_place_in_a_sequence_is_the_upsamplings_or_the_activations(hints: dict[str, str]) -> None:
    """A place for one cannot hold both, and SELU after a norm looks like nothing."""
    network = seen(nn.Sequential(*upsampling_right_after_norm()))
    gan = recovered(network, scramble=False, **hints)
    assert chosen(gan, "activation after")[:2] == ["none", "leaky_relu 0.2"]
    assert chosen(gan, "geometry of")[1].startswith("nearest upsampling")
    assert far(gan, network) <= NEAR


def test_the_only_place_in_a_sequence_without_norms_may_be_an_upsamplings() -> None:
    layers = [layer for layer in upsampling_right_after_norm() if not isinstance(layer, nn.BatchNorm2d)]
    gan = recovered(nn.Sequential(*layers), scramble=False, activation="leaky_relu 0.2", image_size=32)
    assert chosen(gan, "activation after") == ["none", "leaky_relu 0.2", "leaky_relu 0.2"]


@pytest.mark.parametrize(
    ("errors", "lagging", "clear"),
    [
        ([(0.10, 0.17)], False, True),
        ([(0.10, 0.17)], True, False),  # as far off as norms were that the right activation had the larger error in
        ([(0.04, 0.06)], True, True),  # the best agrees with what is remembered
        ([(0.15, 0.25)], True, False),
        ([(0.15, 0.25), (0.12, 0.20), (0.08, 0.17)], True, True),  # several say the same
        ([(0.04, 0.04), (0.10, 0.17)], True, False),  # who tells nothing is not counted
    ],
)
def test_what_norms_tell_that_lag_behind_the_weights(
    errors: list[tuple[float, float]], lagging: bool, clear: bool
) -> None:
    scatter = torch.linspace(-0.02, 0.02, 64)
    good, bad = ([witness.Testimony(error + scatter, lagging) for error in side] for side in zip(*errors, strict=True))
    assert witness.clearly_better(good, bad) is clear


def remembering(slope: float, scatter: float, batches: int) -> nn.Module:
    """A generator with ReLU whose norms remember LeakyReLU of this slope, and that with scatter, after so many."""
    network = seen(nn.Sequential(*transposed(width=256)))
    other = nn.Sequential(*transposed(lambda: nn.LeakyReLU(slope), width=256))
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        for _ in range(60):
            other.train()(latents("normal", BATCH, Z))
    state = {**network.state_dict(), **{key: value for key, value in other.state_dict().items() if "running" in key}}
    torch.manual_seed(1)
    for key, value in state.items():
        if "running_var" in key:
            state[key] = value * torch.exp(scatter * torch.randn_like(value))
        if "num_batches" in key:
            state[key] = torch.tensor(batches)
    network.load_state_dict(state)
    return network


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scatter", "batches", "taken"),
    [(0.03, 500, "leaky_relu 0.1"), (0.11, 5000, "leaky_relu 0.1"), (0.11, 500, "relu")],
)
def test_norms_that_lag_behind_the_weights_do_not_rule_out_what_is_usual(
    scatter: float, batches: int, taken: str
) -> None:
    """Where the best agrees with them it is believed, however few their batches; where it is off, it may be wrong."""
    assert set(chosen(recovered(remembering(0.1, scatter, batches)), "activation after")) == {taken}
