"""A network as a GAN keeps it, the same one before training, and the digest that its weights are known by."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError
from ganlab.networks.devices import address_space_is_limited

if TYPE_CHECKING:
    import torch
    from torch import nn


COUNTER = "num_batches_tracked"  # ends the key in which norms count batches: older files lack it, nothing needs it


def opened(network: nn.Module, device: str) -> nn.Module:
    """Frozen, in eval mode, nothing in place (an in-place layer would overwrite what a recording kept).

    On the CPU maps lie channels last, which convolutions take a quarter less time for, in networks that do not mind:
    somebody's ``view`` of their maps would. Marked with ``any_memory_format`` are chains and, by whoever builds them,
    the networks of every architecture that is trained, where maps lie so too. Not where memory is limited: without room
    for such maps oneDNN ends the process instead of raising. Elsewhere they lie as torch makes them, wherever the
    network has been before, so that a GAN and its untrained control meet the same kernels.
    """
    import torch

    for module in network.modules():
        if getattr(module, "inplace", False) and not is_program(module):
            module.inplace = False  # type: ignore[assignment]
    network = frozen(network.to(device))
    if getattr(network, "any_memory_format", False):
        last = device == "cpu" and not address_space_is_limited()
        network.to(memory_format=torch.channels_last if last else torch.contiguous_format)  # type: ignore[call-overload]
    return network


def owned(network: nn.Module) -> nn.Module:
    """The network itself where it is frozen, else a copy of it: somebody may go on training what is not.

    Raises:
        GanlabError: it has to be copied and cannot be.
    """
    if not network.training and not any(parameter.requires_grad for parameter in network.parameters()):
        return network
    import torch

    # what a hook computes before each pass, such as a weight of torch's older weight_norm, has a history, and so has
    # what a module keeps of the last pass: their values are copied
    held = (part for module in network.modules() for part in (vars(module), module._parameters, module._buffers))
    computed: list[Any] = [value for part in held for value in part.values() if _has_history(value)]
    try:
        with torch.no_grad():  # or the weights of a program's copy would be results of computing with its own
            return copy.deepcopy(network, {id(value): value.detach().clone() for value in computed})
    except Exception as error:  # each module that cannot be copied raises an error of its own
        raise GanlabError(
            f"The network cannot be copied ({type(error).__name__}), and one that may still be trained is not frozen.",
            "If it is trained no more: network.eval().requires_grad_(False).",
        ) from error


def _has_history(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.grad_fn is not None


def is_program(module: nn.Module) -> bool:
    """Whether it is a program of ``torch.jit``, as a file brings it: it runs, takes no hooks and cannot be changed."""
    import torch

    return isinstance(module, torch.jit.RecursiveScriptModule)  # type: ignore[attr-defined]


def frozen(network: nn.Module) -> nn.Module:
    """The same network in eval mode, whose parameters take no gradients; it may be a program of ``torch.jit``."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()


def redrawn(network: nn.Module, seed: int, what: str) -> nn.Module:
    """A copy on the CPU whose layers have drawn their weights anew; the global random state stays untouched.

    Args:
        what: names the network in errors.

    Raises:
        GanlabError: it keeps weights that no layer knows how to draw anew.
    """
    fresh = _drawn(network, seed)
    # a network that is untrained itself may have drawn its weights from this very seed
    if (kept := _kept(network, fresh)) and (kept := _kept(network, _drawn(network, seed ^ 1))):
        raise GanlabError(
            f"The {what} cannot be had untrained: nobody knows how to draw its {kept[0]} anew.",
            "Give its card an [architecture], which builds the networks from a seed.",
        )
    return fresh


def _drawn(network: nn.Module, seed: int) -> nn.Module:
    import torch

    fresh = copy.deepcopy(network).cpu()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch_seed(seed))
        for module in fresh.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    return fresh


def _kept(network: nn.Module, fresh: nn.Module) -> list[str]:
    """The weights of convolutions and matrices that are as before; what has one dimension often begins alike."""
    before = dict(network.named_parameters())
    return [name for name, value in fresh.named_parameters() if value.ndim > 1 and value.equal(before[name].cpu())]


def gather_statistics(network: nn.Module, run: Callable[[], None]) -> None:
    """Give every BatchNorm the plain mean of the means and variances of the batches that it meets in ``run``."""
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [norm for norm in network.modules() if isinstance(norm, _BatchNorm) and norm.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    if norms:
        run()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def check_seed(seed: int) -> None:
    """Hold the seed of networks to its range.

    Raises:
        GanlabError: it lies outside 0 to 2**63 - 1.
    """
    if not 0 <= seed < 2**63:
        raise GanlabError(f"The seed of a network must lie between 0 and 2**63 - 1, not {seed}.", "Try --seed 0.")


def torch_seed(seed: int) -> int:
    """What torch's generator on the CPU is given for a seed from 0 to 2**64 - 1, of which it uses 32 bits.

    Small seeds stay as they are; larger ones are hashed, or those that differ in their upper half would be one.
    """
    import numpy as np

    from ganlab.latents import STREAM_WEIGHTS, random_bits

    return seed if seed < 2**32 else int(random_bits(seed, np.array([0]), 1, STREAM_WEIGHTS)[0, 0])


def weights_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of named tensors, in hexadecimal: the same on every device and in every memory layout."""
    import torch

    digest = hashlib.sha256()
    for key, value in sorted(tensors.items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
