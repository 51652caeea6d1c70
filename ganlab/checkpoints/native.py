"""ganlab's own checkpoints: a folder with ``card.toml`` (what it is) and ``weights.safetensors`` (no code inside)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import nn

from ganlab import architectures
from ganlab.architectures.chain import Chain
from ganlab.card import Card, read_card
from ganlab.checkpoints.cost import MOST_NUMBERS, largest_output
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.imagespec import ImageSpec
from ganlab.latents import Prior
from ganlab.networks.devices import shapes_alone
from ganlab.networks.weights import frozen
from ganlab.writing import check_utf8, new_folder

CARD, WEIGHTS = "card.toml", "weights.safetensors"
SIDES = ("generator", "discriminator")


def recognises(path: Path) -> bool:
    """A checkpoint's folder, or a training run's folder that holds checkpoints of its epochs."""
    return path.is_dir() and ((path / CARD).is_file() or bool(_epochs(path)))


def load(path: Path) -> Gan:
    """Load a checkpoint folder; of a training run, the newest epoch.

    Raises:
        GanlabError: a card or weights that cannot be read, or that do not fit each other.
    """
    if not recognises(path):
        raise GanlabError(f"{path} is no checkpoint of ganlab.", f"It would be a folder with {CARD} and {WEIGHTS}.")
    folder = path if (path / CARD).is_file() else _epochs(path)[-1]
    card = _read_card(folder / CARD)
    stored = _read_weights(folder / WEIGHTS)
    if "prior" not in card and stored["generator"]:
        raise GanlabError(f"{folder / CARD} has no [prior].", "See docs/checkpoints.md for what a card says.")
    try:
        if (
            card["architecture"].get("name") == "chain"
        ):  # whose sizes nothing bounds: no memory is taken before they fit
            with shapes_alone():
                for side, network in zip(SIDES, architectures.build(card["architecture"]), strict=True):
                    if stored[side]:
                        _check_fit(network, stored[side], folder / WEIGHTS)
        generator, discriminator = architectures.build(card["architecture"])
        prior = Prior(**card["prior"]) if "prior" in card else None
        image = ImageSpec(**card["image"])
    except (KeyError, TypeError) as error:
        raise GanlabError(
            f"{folder / CARD} has a field that is missing or wrong: {error}.", "See docs/checkpoints.md for a card."
        ) from error
    if prior is not None:
        if not stored["generator"]:
            raise GanlabError(
                f"{folder / WEIGHTS} lacks the generator, and {CARD} says what z it takes.",
                "Copy the weights again; of a discriminator alone, leave out [prior].",
            )
        _fill(generator, stored["generator"], folder / WEIGHTS)
    if stored["discriminator"]:
        _fill(discriminator, stored["discriminator"], folder / WEIGHTS)
    facts = {
        key: value
        for key, value in card.items()
        if key not in ("name", "summary", "architecture", "prior", "image", "classes")
    }
    classes = card.get("classes")
    if classes is not None and (type(classes) is not int or classes < 1):
        raise GanlabError(f"{folder / CARD} says classes = {classes!r}.", "It is how many there are: a whole number.")
    gan = Gan(
        frozen(generator) if prior is not None else None,
        frozen(discriminator) if stored["discriminator"] else None,
        prior=prior,
        image=image,
        card=Card(str(card.get("name", folder.name)), str(card.get("summary", "")), card["architecture"], facts),
        classes=classes,
        folder=folder,
    )
    _check_draws(gan, folder)
    return gan


def save(gan: Gan, folder: Path, dtype: torch.dtype | None = None, replace: bool = False) -> None:
    """Write a checkpoint folder; see :func:`ganlab.save_gan`."""
    if not gan.card.architecture:
        raise GanlabError(
            f"The card of {gan.name!r} does not say how to build its networks.", "Add [architecture] to it."
        )
    write(folder, card_of(gan), {"generator": gan.generator, "discriminator": gan.discriminator}, dtype, replace)


def card_of(gan: Gan) -> dict[str, Any]:
    """All that ``card.toml`` says of a GAN."""
    return {
        "name": gan.card.name,
        "summary": gan.card.summary,
        "architecture": dict(gan.card.architecture),
        **({} if gan.generator is None else {"prior": {"law": gan.prior.law, "dim": gan.prior.dim}}),
        "image": {field: getattr(gan.image, field) for field in ("size", "channels", "low", "high")},
        **({} if gan.classes is None else {"classes": gan.classes}),
        **gan.card.facts,
    }


def write(
    folder: Path,
    card: Mapping[str, Any],
    networks: Mapping[str, nn.Module | None],
    dtype: torch.dtype | None = None,
    replace: bool = False,
) -> None:
    """Write card and weights as a new folder, or in the place of an old one.

    Raises:
        GanlabError: a folder that holds something and is not to be replaced, weights that are not finite, a full disk.
    """
    tensors = {
        f"{side}.{key}": _stored(value, dtype)
        for side, network in networks.items()
        if network is not None
        for key, value in network.state_dict().items()
    }
    if broken := not_finite(tensors):
        raise GanlabError(f"{broken} holds NaN or infinity.", "Such weights draw nothing; nothing was written.")
    said = tomli_w.dumps(dict(card), multiline_strings=True)
    check_utf8(*said.splitlines())
    with new_folder(folder, replace) as temporary:
        (temporary / WEIGHTS).write_bytes(save_tensors(tensors))
        (temporary / CARD).write_text(said, encoding="utf-8")


def not_finite(tensors: Mapping[str, torch.Tensor]) -> str:
    """The name of a tensor that holds NaN or infinity, or nothing."""
    return next((key for key, value in tensors.items() if not torch.isfinite(value).all()), "")


def _stored(value: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    value = value.detach().cpu().clone(memory_format=torch.contiguous_format)  # safetensors refuses shared memory
    return value.to(dtype) if dtype is not None and value.is_floating_point() else value


def _epochs(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    folders = [card.parent for card in run.glob(f"epochs/[0-9]*/{CARD}") if card.parent.name.isdecimal()]
    return sorted(folders, key=lambda folder: int(folder.name))


def _read_card(path: Path) -> dict[str, Any]:
    card = read_card(path)
    missing = [table for table in ("architecture", "image") if not isinstance(card.get(table), dict)]
    if not isinstance(card.get("prior", {}), dict):
        missing.append("prior")
    if missing:
        raise GanlabError(f"{path} has no [{missing[0]}].", "See docs/checkpoints.md for what a card says.")
    if not isinstance(card.get("labeler", ""), str):
        raise GanlabError(f"{path} says labeler = {card['labeler']!r}, which is no name.", "Mend the card.")
    return card


def _read_weights(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The stored tensors by side, floating point ones as float32.

    Raises:
        GanlabError: no such file, a damaged one, or tensors of neither network.
    """
    if not path.is_file():
        raise GanlabError(
            f"The checkpoint {path.parent} has no {WEIGHTS}.", "Copy the whole folder, not only its card."
        )
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise GanlabError(
            f"{path} is damaged or is no safetensors file: {error}.", "Fetch or copy it again."
        ) from error
    sides: dict[str, dict[str, torch.Tensor]] = {side: {} for side in SIDES}
    for key, value in tensors.items():
        side, _, rest = key.partition(".")
        if side not in sides:
            raise GanlabError(
                f"{path} holds {key!r}, which is of neither network.", "Keys begin with generator. or discriminator."
            )
        sides[side][rest] = value.float() if value.is_floating_point() else value
    return sides


def _fill(network: nn.Module, stored: dict[str, torch.Tensor], path: Path) -> None:
    """Load weights that must fit exactly.

    Raises:
        GanlabError: a missing or unknown tensor, a shape that does not fit, a value that is not finite.
    """
    _check_fit(network, stored, path)
    if broken := not_finite(stored):
        raise GanlabError(f"{path}: {broken!r} holds NaN or infinity.", "The training diverged; take an earlier epoch.")
    network.load_state_dict(stored)


def _check_fit(network: nn.Module, stored: dict[str, torch.Tensor], path: Path) -> None:
    """That weights are those of this network.

    Raises:
        GanlabError: a missing or unknown tensor, a shape that does not fit.
    """
    expected = network.state_dict()
    hint = "Do the card's [architecture] and the weights belong together?"
    missing, unknown = sorted(set(expected) - set(stored)), sorted(set(stored) - set(expected))
    if missing or unknown:
        what = f"lacks {missing[0]!r}" if missing else f"holds {unknown[0]!r}, which the network does not have"
        raise GanlabError(f"{path} {what}.", hint)
    for key, value in stored.items():
        if value.shape != expected[key].shape:
            shapes = f"{tuple(value.shape)} where the network has {tuple(expected[key].shape)}"
            raise GanlabError(f"{path}: {key!r} has the shape {shapes}.", hint)


def _check_room(gan: Gan, picture: torch.Size, folder: Path) -> None:
    """That no layer of a table takes far more room or time than any picture needs; other architectures are bounded.

    Raises:
        GanlabError: one does; nothing was computed.
    """
    numbers = 0
    if isinstance(gan.generator, Chain):
        numbers = largest_output(gan.generator, (1, gan.prior.dim))
    if isinstance(gan.discriminator, Chain):
        numbers = max(numbers, largest_output(gan.discriminator, picture))
    if numbers > MOST_NUMBERS:
        raise GanlabError(
            f"{folder} cannot draw: a layer of it would go through {numbers:,} numbers for one picture.",
            f"Does {folder / CARD} tell the truth about [architecture]?",
        )


def _check_draws(gan: Gan, folder: Path) -> None:
    """That the networks fit what the card says of z and the pictures: one picture tells."""
    hint = f"Does {folder / CARD} tell the truth about [prior] and [image]?"
    wanted = (1, gan.image.channels, gan.image.size, gan.image.size)
    try:
        last = None if gan.classes is None else gan.classes - 1
        _check_room(gan, torch.Size(wanted), folder)
        picture = torch.zeros(wanted) if gan.generator is None else gan.generate(gan.latents(1, label=last))
        if picture.shape != wanted:
            raise GanlabError(f"{folder} draws {tuple(picture.shape)} where its card says {wanted}.", hint)
        told = torch.tensor([last]) if last is not None and gan.conditional_discriminator else None
        logits = gan.score(picture, told) if gan.discriminator else torch.zeros(1)
    except (RuntimeError, IndexError) as error:  # an IndexError: a class that the networks do not have
        raise GanlabError(f"{folder} cannot draw: {str(error).splitlines()[0]}", hint) from error
    if not (torch.isfinite(picture).all() and torch.isfinite(logits).all()):
        raise GanlabError(f"{folder} draws NaN or infinity.", "The training diverged; take an earlier epoch.")
