"""``--gan MODULE:FACTORY``: a network by the user's own code, with or without a file of weights."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganlab.checkpoints import pytorch
from ganlab.errors import GanlabError
from ganlab.gan import Card, Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import LAWS, Prior
from ganlab.recovery.hints import Hints
from ganlab.recovery.options import OUTPUTS
from ganlab.recovery.stored import Part
from ganlab.recovery.witness import Testimony, can_testify, testify

TRIED = 256  # latents on which the prior is tried
SHAPES = ((), (1, 1))  # what stands after (n, dim) in what a generator takes


class Adapted(nn.Module):
    """A generator that takes z as (n, dim, 1, 1), so that it takes (n, dim)."""

    def __init__(self, network: nn.Module, after: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.after = after

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.network(z.reshape(*z.shape, *self.after))


class OneLogit(nn.Module):
    """A discriminator of any output shape, so that it gives one logit a picture."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images).flatten(1).mean(1)


def gan_of_factory(spec: str, hints: Hints) -> Gan:
    """Call ``FACTORY()`` of ``MODULE`` and open what it gives.

    Args:
        spec: ``MODULE:FACTORY`` or ``MODULE:FACTORY+FILE`` with a state dict for the generator. The factory gives a
            ``Gan``, a generator, or a generator and a discriminator.
        hints: the prior's law and the range of the pictures, where the usual ones are not meant.

    Raises:
        GanlabError: no such module or factory, one that fails, or what it gives cannot draw.
    """
    where, plus, file = spec.partition("+")
    made = _called(where)
    if isinstance(made, Gan):
        return made
    generator, judge = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(generator, nn.Module) or not (judge is None or isinstance(judge, nn.Module)):
        raise GanlabError(
            f"{where}() gave {type(made).__name__}.", "It gives a torch.nn.Module, two of them, or a ganlab.Gan."
        )
    if plus:
        _fill(generator, Path(file), where)
    generator.eval()
    dim, after, picture = _fitting_z(generator, where)
    if after:
        generator = Adapted(generator, after)
    law = hints.z or _law_of(generator, dim)
    low, high = OUTPUTS[hints.output] if hints.output else _range_of(picture)
    notes = [] if hints.z else [f"Prior of z: {law}, which fits its norms best or is the usual one (--z)."]
    return Gan(
        generator,
        None if judge is None else OneLogit(judge),
        prior=Prior(dim, law),
        image=ImageSpec(picture.shape[2], picture.shape[1], low, high),
        card=Card(where.replace(":", "-"), f"Built by {where}.", {}, {"notes": notes} if notes else {}),
    )


def _called(where: str) -> Any:
    module_name, _, factory = where.partition(":")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does: a user's module lies beside him
    try:
        thing: Any = importlib.import_module(module_name)
        for word in factory.split("."):
            thing = getattr(thing, word)
    except ImportError as error:
        raise GanlabError(
            f"The module {module_name!r} cannot be imported: {error}.",
            f"It must lie in the current folder or be installed; formats, as in FORMAT:PATH, are {_formats()}.",
        ) from error
    except AttributeError as error:
        raise GanlabError(
            f"The module {module_name!r} has no {factory!r}.", "Name a function or class of it."
        ) from error
    try:
        return thing() if callable(thing) and not isinstance(thing, nn.Module) else thing
    except Exception as error:  # it is the user's own code
        raise GanlabError(
            f"{where}() failed: {type(error).__name__}: {error}.",
            "It is called without arguments; wrap it in a function.",
        ) from error


def _formats() -> str:
    from ganlab.plugins import host

    return ", ".join(known.name for known in host().checkpoint_formats())


def _fill(generator: nn.Module, file: Path, where: str) -> None:
    if not file.is_file():
        raise GanlabError(f"There is no file {str(file)!r}.", "After the plus stands a file of weights.")
    found = dict(pytorch.state_dicts(file))
    wanted = set(generator.state_dict())
    fitting = [tensors for tensors in found.values() if set(_stripped(tensors)) == wanted] or list(found.values())[:1]
    try:
        generator.load_state_dict(_stripped(fitting[0]))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise GanlabError(
            f"The weights in {file} do not fit {where}: {reason}.", "Is it this network's file?"
        ) from error


def _stripped(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix("module.").removeprefix("_orig_mod."): value for key, value in tensors.items()}


def _fitting_z(generator: nn.Module, where: str) -> tuple[int, tuple[int, ...], torch.Tensor]:
    """The dimension of z, the shape it is taken in, and two pictures."""
    weights = [value for value in generator.parameters() if value.ndim >= 2]
    dims = [size for value in weights[:3] for size in value.shape[:2]] or [100]
    with torch.no_grad():
        for dim in dict.fromkeys(dims):
            for after in SHAPES:
                try:
                    picture = generator(torch.zeros(2, dim, *after))
                except Exception:  # of the user's own code: it took another shape
                    continue
                if isinstance(picture, torch.Tensor) and picture.ndim == 4 and len(picture) == 2:
                    return dim, after, picture
    raise GanlabError(
        f"{where} takes z neither as (n, dim) nor as (n, dim, 1, 1) of its first layers' sizes, or gives no pictures.",
        "Let the factory return a ganlab.Gan, which says what z and the pictures are.",
    )


def _range_of(picture: torch.Tensor) -> tuple[float, float]:
    return (0.0, 1.0) if float(picture.min()) >= 0 and float(picture.max()) <= 1 else (-1.0, 1.0)


def _law_of(generator: nn.Module, dim: int) -> str:
    """The prior under which the norms see what they remember."""
    errors: dict[str, float] = {}
    for law in LAWS:
        heard: list[Testimony] = []

        def listen(module: nn.Module, inputs: tuple[torch.Tensor, ...], heard: list[Testimony] = heard) -> None:
            norm = Part("norm", "", {"mean": module.running_mean, "variance": module.running_var})  # type: ignore[dict-item]
            if can_testify(norm):
                heard.append(testify(norm, inputs[0]))

        norms = [one for one in generator.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
        handles = [norm.register_forward_pre_hook(listen) for norm in norms if norm.running_mean is not None]
        try:
            with torch.no_grad():
                generator(Prior(dim, law).sample(TRIED, seed=0).z)
        finally:
            for handle in handles:
                handle.remove()
        errors[law] = sum(one.error for one in heard) / len(heard) if heard else 0.0
    return min(errors, key=errors.__getitem__)
