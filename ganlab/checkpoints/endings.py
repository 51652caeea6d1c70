"""What somebody's own networks end in: it tells the range of the pictures, and a sigmoid that hides the logits."""

from __future__ import annotations

import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.networks.layers import trace

SHAPING = ("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Transpose", "T", "Permute", "Clone", "Mean")
RANGES = {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0)}
AT_ONCE = 16  # pictures


def last_step(output: torch.Tensor) -> str:
    """What computed these numbers, "Tanh" or "Sigmoid" say, before they were put into shape; "" where it left no trace.

    Args:
        output: of a pass in which something required gradients.
    """
    node = output.grad_fn
    while node is not None:
        step = node.name().rstrip("0123456789").removesuffix("Backward")
        if step not in SHAPING:
            return step
        node = node.next_functions[0][0]
    return ""


def range_of(generator: nn.Module, z: torch.Tensor) -> tuple[float, float, str]:
    """Lowest and highest value of the pictures, and a note where nothing but the pictures of ``z`` told it."""
    with torch.enable_grad():
        step = last_step(generator(z[:2].clone().requires_grad_()))
    if step in RANGES:
        return *RANGES[step], ""
    with torch.no_grad():
        ends = [generator(part).aminmax() for part in z.split(AT_ONCE)]
    lowest, highest = min(float(end.min) for end in ends), max(float(end.max) for end in ends)
    low, high = (0.0, 1.0) if lowest >= 0 and highest <= 1 else (-1.0, 1.0)
    found = f"{len(z)} of them go from {lowest:.3g} to {highest:.3g}, and neither tanh nor sigmoid ends the generator"
    return low, high, f"Range of the pictures: {low:g} to {high:g}, which is a guess: {found} (--output)."


def check_logits(discriminator: nn.Module, pictures: torch.Tensor, where: str) -> None:
    """Let a discriminator put out logits: a module that is its final sigmoid becomes an identity.

    Raises:
        GanlabError: it cannot score these pictures, or ends in a sigmoid that is no module of its own.
    """
    verdicts: list[torch.Tensor] = []
    try:
        with torch.enable_grad():
            calls = trace(discriminator, lambda: verdicts.append(discriminator(pictures.clone().requires_grad_())))
        sigmoid = last_step(verdicts[0]) == "Sigmoid"
    except Exception as error:  # it is the user's own code
        raise GanlabError(
            f"The discriminator of {where} cannot score its pictures: {type(error).__name__}: {error}.",
            "Let the factory return the generator alone, or a discriminator of one tensor.",
        ) from error
    if not sigmoid:
        return
    ran = [module for module, _, _ in calls]
    final = [
        module
        for module, _, output in calls
        if isinstance(module, nn.Sigmoid) and output.data_ptr() == verdicts[0].data_ptr() and ran.count(module) == 1
    ]
    places = [
        (parent, name)
        for parent in discriminator.modules()
        for name, child in parent.named_children()
        if child in final
    ]
    if not places:
        raise GanlabError(
            f"The discriminator of {where} ends in a sigmoid, so that it gives probabilities.",
            "Leave the sigmoid out, or make it a torch.nn.Sigmoid at the end: ganlab takes the logits before it.",
        )
    for parent, name in places:
        setattr(parent, name, nn.Identity())
