"""How far a norm must tell an answer from its rivals before that is certain."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganlab import Hints, Prior
from ganlab.recovery import witness
from ganlab.recovery.decisions import of_search
from ganlab.recovery.hearing import LATENTS, _nearly_equal_heard_again
from ganlab.recovery.hypotheses import Findings, Hypothesis, Ruling
from ganlab.recovery.simulate import Element, run
from ganlab.recovery.stored import Part

CHOSEN = {"z": "normal", "activation 0": "leaky_relu 0.01", "activation 1": "leaky_relu 0.01"}
RIVALS = {"z": "uniform", "activation 0": "relu", "activation 1": "relu"}


def certain(*rulings: tuple[str, str, float, float]) -> dict[str, bool]:
    """Question -> whether its answer is certain; of rulings (variable, witness, error, that of the runner-up)."""
    said = [
        Ruling(variable, CHOSEN[variable], witness, error, RIVALS[variable], rival, clear=True)
        for variable, witness, error, rival in rulings
    ]
    findings = Findings(Hypothesis(CHOSEN, (), torch.empty(0)), rulings=said, seen={"norm": 0.02})
    return {one.what: one.certain for one in of_search(findings, None, Hints())}


@pytest.mark.parametrize(("error", "told"), [(0.05, True), (0.146, False)])
def test_a_prior_is_certain_only_where_its_norm_agrees(error: float, told: bool) -> None:
    assert certain(("z", "norm", error, 1.1))["prior of z"] == told


@pytest.mark.parametrize(("rival", "told"), [(0.038, False), (0.08, True)])
def test_activations_that_one_norm_hears_together_are_certain_only_far_from_their_rivals(
    rival: float, told: bool
) -> None:
    decided = certain(("activation 0", "norm", 0.023, rival), ("activation 1", "norm", 0.023, rival))
    assert [decided[f"activation after {number}"] for number in (0, 1)] == [told, told]


def test_an_activation_that_its_norm_hears_alone_is_certain_nearer_to_its_rivals() -> None:
    decided = certain(
        *(("activation 0", "norm", 0.023, 0.038), ("activation 0", "next", 0.02, 0.03)),
        ("activation 1", "next", 0.02, 0.038),
    )
    assert [decided[f"activation after {number}"] for number in (0, 1)] == [True, True]


def test_ways_of_enlarging_that_nearly_fit_alike_are_heard_again_on_all_latents() -> None:
    torch.manual_seed(0)
    matrix = Part("linear", "first", {"weight": torch.randn(2 * 32 * 32, 4)})
    kernel = Part("conv", "second", {"weight": torch.randn(3, 2, 3, 3)})
    ways: dict[str, tuple[Element, ...]] = {
        mode: (
            ({"kind": "linear", "inputs": 4, "outputs": 2 * 32 * 32}, matrix),
            ({"kind": "reshape", "shape": [2, 32, 32]}, None),
            ({"kind": "upsample", "factor": 2, "mode": mode}, None),
            ({"kind": "conv", "inputs": 2, "outputs": 3, "stride": 1, "padding": 1}, kernel),
        )
        for mode in ("bilinear", "nearest")
    }
    seen = run(ways["nearest"], Prior(4, "normal").sample(LATENTS, seed=0).z)
    variance, mean = torch.var_mean(seen, (0, 2, 3), correction=0)
    norm = Part("norm", "norm", {"mean": mean, "variance": variance})
    few = [
        Hypothesis(
            {"z": "normal", "layer 1": f"{mode} upsampling before it"},
            elements,
            torch.empty(0),
            side=64,
            testimonies=(witness.Testimony(torch.full((3,), error)),),
        )
        for (mode, elements), error in zip(ways.items(), (0.016, 0.038), strict=True)
    ]
    heard = _nearly_equal_heard_again(few, norm)
    assert heard[0].choices["layer 1"] == "nearest upsampling before it"
    assert heard[0].error < 0.001 < heard[1].error
    far = [few[0], replace(few[1], testimonies=(witness.Testimony(torch.full((3,), 0.1)),))]
    assert _nearly_equal_heard_again(far, norm) == far
