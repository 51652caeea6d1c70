"""``--gan MODULE:FACTORY`` and ``hub:``: a network by somebody's own code, with or without a file of weights."""

from __future__ import annotations

import importlib
import math
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganlab.card import Card
from ganlab.checkpoints.endings import check_logits, range_of
from ganlab.checkpoints.filling import fill
from ganlab.checkpoints.pickles import check_no_program, foreign_classes
from ganlab.checkpoints.trusted import load_module
from ganlab.errors import GanlabError
from ganlab.fetching import load_hub
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior
from ganlab.networks.weights import frozen, is_program
from ganlab.recovery.hints import Hints
from ganlab.recovery.options import LAWS, OUTPUTS, plausible
from ganlab.recovery.stored import Part
from ganlab.recovery.witness import Testimony, can_testify, testify
from ganlab.wording import option_name

TRIED = 256  # latents on which the prior is tried
SHAPES = ((), (1, 1))  # what stands after (n, dim) in what a generator takes


class Adapted(nn.Module):
    """A generator of other shapes, so that it takes z (n, dim) and gives pictures (n, c, h, w)."""

    def __init__(self, network: nn.Module, after: tuple[int, ...], picture: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.after = after
        self.picture = picture

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.network(z.reshape(*z.shape, *self.after)).reshape(len(z), *self.picture)


class OneLogit(nn.Module):
    """A discriminator that puts out logits in any shape, so that it gives one a picture."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images).reshape(len(images), -1).mean(1)


def gan_of_factory(spec: str, hints: Hints, which: str | None = None) -> Gan:
    """Call ``FACTORY()`` of ``MODULE`` and open what it gives.

    Args:
        spec: ``MODULE:FACTORY`` or ``MODULE:FACTORY+FILE`` with a state dict for each network. The factory gives a
            ``Gan``, a generator, or a generator and a discriminator. Of a file that pickles a whole module, whose class
            it names, the module itself is taken, if ``hints.trust`` says so.
        hints: the prior's law and the range of the pictures, where the usual ones are not meant.
        which: the generator's state dict, where several in the file fit.

    Raises:
        GanlabError: no such module or factory, one that fails, what it gives cannot draw, or a file that does not fit.
    """
    where, _, file = spec.partition("+")
    if file:
        check_no_program(Path(file))
    pickled = bool(file) and bool(foreign_classes(Path(file)))
    if which is not None and (pickled or not file):
        raise GanlabError(f"{spec} is one GAN: there is no {which!r} to choose in it.", "Leave out the # and the name.")
    if pickled:
        return _adapted(_unpickled(where, Path(file), hints.trust), None, where, hints)
    made = _called(where)
    if isinstance(made, Gan):
        _check_nothing_left_to_say(where, file, hints)
        if made.name != Card.name:
            return made
        card = replace(made.card, name=_name(where), summary=f"Built by {where}.")
        return made.with_card(card, made.folder)
    generator, discriminator = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(generator, nn.Module) or not (discriminator is None or isinstance(discriminator, nn.Module)):
        raise GanlabError(
            f"{where}() gave {type(made).__name__}.", "It gives a torch.nn.Module, two of them, or a ganlab.Gan."
        )
    if file:
        networks = {"generator": generator} | ({} if discriminator is None else {"discriminator": discriminator})
        fill(networks, Path(file), where, which)
    return _adapted(generator, discriminator, where, hints)


def _check_nothing_left_to_say(where: str, file: str, hints: Hints) -> None:
    """A ``ganlab.Gan`` says what z and its pictures are, and has its weights."""
    if file:
        raise GanlabError(
            f"{where}() gave a whole ganlab.Gan, so that nothing is left to fill from {file}.",
            "Leave out the file, or let the factory return the networks.",
        )
    for name in ("z", "output", "image_size"):
        if getattr(hints, name) is not None:
            raise GanlabError(
                f"{where}() gave a whole ganlab.Gan: there is no place for {option_name(name)}.",
                "Let the factory say it: ganlab.Gan(..., prior=..., image=...).",
            )


def gan_of_hub(spec: str, hints: Hints) -> Gan:
    """The generator that an entry of torch.hub makes, where ``hints.trust`` lets its author's code run.

    Args:
        spec: ``hub:OWNER/REPO:ENTRY``, as :func:`ganlab.fetching.load_hub` takes it.
        hints: as for :func:`gan_of_factory`.

    Raises:
        GanlabError: it is not trusted, cannot be had, or makes no generator.
    """
    return _adapted(load_hub(spec, hints.trust), None, spec, hints)


def _adapted(generator: nn.Module, discriminator: nn.Module | None, where: str, hints: Hints) -> Gan:
    """The GAN of somebody's own networks: what z they take and what their pictures are is found by trying."""
    generator = frozen(generator.cpu())  # somebody's factory may build on a GPU
    dim, after, flat = _fitting_z(generator, where)
    picture = flat.reshape(len(flat), *_shape(flat, where, hints))
    if after or flat.ndim != 4 or is_program(generator):
        generator = frozen(Adapted(generator, after, tuple(picture.shape[1:])))
    law = hints.z or _law_of(generator, dim)
    notes = [] if hints.z else [f"Prior of z: {law}, which fits its norms best or is the usual one (--z)."]
    if hints.output:
        low, high = OUTPUTS[hints.output]
    else:
        low, high, guessed = range_of(generator, Prior(dim, law).sample(TRIED, seed=0).z)
        notes += [guessed] if guessed else []
    if discriminator is not None:
        discriminator = frozen(discriminator.cpu())
        check_logits(discriminator, picture, where)
    return Gan(
        generator,
        None if discriminator is None else frozen(OneLogit(discriminator)),
        prior=Prior(dim, law),
        image=ImageSpec(picture.shape[2], picture.shape[1], low, high),
        card=Card(_name(where), f"Built by {where}.", {}, {"notes": notes} if notes else {}),
    )


def _name(where: str) -> str:
    return re.sub(r"[^\w.]+", "-", where.removeprefix("hub:")).strip("-.")


def _unpickled(where: str, file: Path, trust: bool) -> nn.Module:
    """The module of class ``where`` that a file pickles.

    Raises:
        GanlabError: it is not trusted, cannot be opened, or is of another class.
    """
    if not trust:
        raise GanlabError(
            f"{file} pickles whole objects ({', '.join(foreign_classes(file)[:3])}), which build themselves by code.",
            "If you trust where it comes from, add --trust: then torch's own layers and the classes of "
            f"{where.partition(':')[0]} are built, and nothing else.",
        )
    kind = _named(where)
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise GanlabError(f"{where} is no class of a network.", f"Name the class that {file} pickles.")
    found = load_module(file, sys.modules[where.partition(":")[0]])
    if not isinstance(found, kind):
        raise GanlabError(f"{file} pickles a {type(found).__name__}, which is no {where}.", "Name its class.")
    return found


def _named(where: str) -> Any:
    """What the user's module calls so."""
    module_name, _, factory = where.partition(":")
    if "" not in sys.path and os.getcwd() not in sys.path:
        # a user's module lies beside him; last, so that what is installed is never another's in a folder that he visits
        sys.path.append(os.getcwd())
    try:
        thing: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise GanlabError(
            f"The module {module_name!r} cannot be imported: {error}.",
            f"It must lie in the current folder or be installed; formats, as in FORMAT:PATH, are {_formats()}.",
        ) from error
    except Exception as error:  # it is the user's own code
        raise GanlabError(
            f"The module {module_name!r} cannot be imported: {type(error).__name__}: {error}.", "Mend the module."
        ) from error
    try:
        for word in factory.split("."):
            thing = getattr(thing, word)
        return thing
    except AttributeError as error:
        raise GanlabError(
            f"The module {module_name!r} has no {factory!r}.", "Name a function or class of it."
        ) from error


def _called(where: str) -> Any:
    thing = _named(where)
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


def _fitting_z(generator: nn.Module, where: str) -> tuple[int, tuple[int, ...], torch.Tensor]:
    """The dimension of z, the shape it is taken in, and two pictures, perhaps flat.

    Raises:
        GanlabError: none of the sizes and shapes that are tried runs, or what runs gives no pictures.
    """
    weights = [value for value in generator.parameters() if value.ndim >= 2]
    dims = [size for value in weights[:3] for size in value.shape[:2]] or [100]
    last: Exception | None = None
    gave = ""
    with torch.no_grad():
        for dim in dict.fromkeys(dims):
            for after in SHAPES:
                try:
                    picture = generator(torch.zeros(2, dim, *after))
                except Exception as error:  # of the user's own code: most often it takes another shape
                    last = error
                    continue
                if isinstance(picture, torch.Tensor) and picture.ndim in (2, 4) and len(picture) == 2:
                    return dim, after, picture
                taken = f"({', '.join(map(str, ('n', dim, *after)))})"
                gave = (
                    gave or f"{where} takes z as {taken} and gives {_in_words(picture)} for two of them: no pictures."
                )
    if gave:
        raise GanlabError(
            gave, "Let the factory return a network that gives one tensor, (n, c, h, w) or flat (n, c * h * w)."
        )
    raise GanlabError(
        f"{where} takes z neither as (n, dim) nor as (n, dim, 1, 1) of its first layers' sizes, or gives no pictures"
        + (f": {type(last).__name__}: {str(last).partition(chr(10))[0]}." if last else "."),
        "Let the factory return a ganlab.Gan, which says what z and the pictures are.",
    )


def _in_words(given: Any) -> str:
    """What a network gave where pictures were expected."""
    if not isinstance(given, torch.Tensor):
        return f"a {type(given).__name__}"
    return f"a tensor {tuple(given.shape)}"


def _shape(pictures: torch.Tensor, where: str, hints: Hints) -> tuple[int, ...]:
    """(c, h, w) of pictures that may be flat, as matrices alone put them out.

    Raises:
        GanlabError: their numbers make no square of a usual size.
    """
    if pictures.ndim == 4:
        return tuple(pictures.shape[1:])
    for channels in (1, 3, 4):
        side = math.isqrt(pictures.shape[1] // channels)
        if channels * side**2 == pictures.shape[1] and plausible(side, hints.image_size):
            return channels, side, side
    raise GanlabError(
        f"{where} gives {pictures.shape[1]} numbers, which make no square picture of a usual size.",
        "Let the factory return a network that gives pictures (n, c, h, w).",
    )


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
