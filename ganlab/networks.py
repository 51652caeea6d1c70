"""A network as a GAN keeps it, and the digest that its weights are known by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ganlab.devices import address_space_is_limited

if TYPE_CHECKING:
    import torch
    from torch import nn


def opened(network: nn.Module, device: str) -> nn.Module:
    """Frozen, in eval mode, nothing in place (an in-place layer would overwrite what a recording kept).

    On the CPU maps lie channels last, which convolutions take a quarter less time for, in networks that do not mind:
    somebody's ``view`` of their maps would. Not where memory is limited: without room for such maps oneDNN ends the
    process instead of raising.
    """
    import torch

    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    network = network.to(device).eval().requires_grad_(False)
    if device == "cpu" and getattr(network, "any_memory_format", False) and not address_space_is_limited():
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def weights_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of named tensors, in hexadecimal: the same on every device and in every memory layout."""
    import torch

    digest = hashlib.sha256()
    for key, value in sorted(tensors.items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
