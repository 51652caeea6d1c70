"""How far a norm must tell an answer from its rivals before that is certain."""

from __future__ import annotations

import pytest
import torch

from ganlab import Hints
from ganlab.recovery.decisions import of_search
from ganlab.recovery.hypotheses import Findings, Hypothesis, Ruling

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
