"""Which of a file's networks is the generator, which its discriminator, and what a card says of their layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from ganlab.errors import GanlabError
from ganlab.gan import Side
from ganlab.recovery.building import prefix_of
from ganlab.recovery.cards import stated_keys, stated_layers
from ganlab.recovery.chaining import is_autoencoder, skeletons
from ganlab.recovery.heads import one_headed
from ganlab.recovery.hints import Hints
from ganlab.recovery.norms import AVERAGED, KINDS
from ganlab.recovery.stored import Part, Stored, StoredNetwork
from ganlab.shell import shell_word

FILLED = ("conv", "conv_transpose", "linear", *KINDS, "group_norm", "classes", "prelu")


@dataclass(frozen=True)
class Chosen:
    """The networks of a file by what they are.

    Attributes:
        generator: the one to open; None where the file holds one discriminator and nothing else.
        discriminators: what may be its discriminator.
        notes: why this one, where there were others.
    """

    generator: StoredNetwork | None
    discriminators: tuple[StoredNetwork, ...]
    notes: tuple[str, ...] = ()


def choose(stored: Stored, name: str, which: str | None, hints: Hints) -> Chosen:
    """The generator and what may be its discriminator.

    Args:
        stored: the file.
        name: of the checkpoint, for errors.
        which: the generator's name, where several are there.
        hints: may name a card that spells layers out.

    Raises:
        GanlabError: no network, or several of one kind.
    """
    generators, discriminators, neither = _sorted(stored, name)
    if which is not None:
        known = ", ".join(repr(network.name) for network in generators + discriminators)
        generators = _named(generators, which)
        discriminators = discriminators if generators else _named(discriminators, which)
        if not generators and not discriminators:
            raise GanlabError(f"{name} holds no network called {which!r}.", f"There are: {known}.")
    if generators:
        discriminators, of_several = _called(discriminators)
        neither = (*neither, *of_several)
    spelt_out = tuple(_as_the_card_says(one, "discriminator", hints) for one in discriminators)
    if not generators:
        if len(discriminators) == 1:
            return Chosen(None, spelt_out, neither)
        raise _several(discriminators, "discriminators", name)
    generator, notes = _the_one(generators, name)
    return Chosen(_as_the_card_says(generator, "generator", hints), spelt_out, (*notes, *neither))


def _named(networks: list[StoredNetwork], name: str) -> list[StoredNetwork]:
    """The networks of this name; of a joined file also without the file's."""
    found = [network for network in networks if network.name == name]
    inside = [network for network in networks if network.name.endswith(f".{name}")]
    return found or (inside if len(inside) == 1 else [])


def _sorted(stored: Stored, name: str) -> tuple[list[StoredNetwork], list[StoredNetwork], tuple[str, ...]]:
    """Generators, discriminators, and a note of all that is neither, which is left out as long as there is one.

    So are the heads of a discriminator beside the one that gives its verdict.

    An autoencoder beside a generator is its discriminator where nothing else is, and so is left out with a word.

    Raises:
        GanlabError: nothing is either; says why.
    """
    found: dict[Side, list[StoredNetwork]] = {"generator": [], "discriminator": []}
    autoencoders: list[StoredNetwork] = []
    problem: GanlabError | None = None
    left_out: dict[str, str] = {}
    of_heads: list[str] = []
    for network, note in map(one_headed, stored.networks):
        of_heads += [note] if note else []
        try:
            found[side_of(network)].append(network)
        except GanlabError as error:
            problem = problem or GanlabError(f"{name}: {error}", error.hint)
            autoencoders += [network] if is_autoencoder(network) else []
            left_out[network.name] = f"{network.name or 'A network'} was left out: {error.message}"
    if not any(found.values()):
        raise problem or GanlabError(f"{name} holds no network.", "Is it a checkpoint?")
    discriminators = found["discriminator"] or autoencoders
    return found["generator"], discriminators, (*_told(left_out, discriminators), *of_heads)


def _told(left_out: Mapping[str, str], but: Sequence[StoredNetwork]) -> tuple[str, ...]:
    """What is said of networks that are neither, but for these."""
    tried = {network.name for network in but}
    return tuple(said for name, said in left_out.items() if name not in tried)


def _called(discriminators: list[StoredNetwork]) -> tuple[list[StoredNetwork], tuple[str, ...]]:
    """Of several that may be a generator's discriminator the only one that is called so, with a note; else all."""
    called = [network for network in discriminators if network.side == "discriminator"]
    if len(called) != 1 or len(discriminators) == 1:
        return discriminators, ()
    others = ", ".join(network.name for network in discriminators if network is not called[0])
    return called, (f"Of what may be its discriminator {called[0].name} was taken, not {others}.",)


def _the_one(generators: list[StoredNetwork], name: str) -> tuple[StoredNetwork, tuple[str, ...]]:
    """The only generator, or the averaged one among several, with a note."""
    if len(generators) == 1:
        return generators[0], ()
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*(one.name for one in generators), strict=False))
    shared = len([*alike])  # letters of all names, such as a file's, which may say it of all
    averaged = [one for one in generators if _is_average(one.name[shared:])]
    if len(averaged) > 1:  # what holds an average may hold the network beside it
        averaged = [one for one in averaged if _is_average(one.name[shared:].rpartition(".")[2])]
    if len(averaged) == 1:
        others = ", ".join(one.name for one in generators if one is not averaged[0])
        return averaged[0], (f"Of its generators the averaged one, {averaged[0].name}, was taken, not {others}.",)
    raise _several(generators, "generators", name)


def _is_average(name: str) -> bool:
    return any(word in name.lower() for word in AVERAGED)


def _several(networks: list[StoredNetwork], kind: str, name: str) -> GanlabError:
    names = ", ".join(repr(one.name) for one in networks)
    example = shell_word(f"{name}#{networks[0].name}")
    return GanlabError(
        f"{name} holds {len(networks)} {kind}: {names}.", f"Choose one, for example the first: {example}"
    )


def check_for_generator(files: Mapping[str, Sequence[StoredNetwork]]) -> None:
    """That what is left of several files is no discriminator alone, because another of them cannot be read.

    Args:
        files: what each is called -> its networks.

    Raises:
        GanlabError: it is; says why the other cannot be read.
    """
    sides: list[Side] = []
    unread: GanlabError | None = None
    for file, networks in files.items():
        found: list[Side] = []
        problem: GanlabError | None = None
        for network, _ in map(one_headed, networks):
            try:
                found.append(side_of(network))
            except GanlabError as error:
                problem = problem or GanlabError(f"{file} cannot be read: {error.message}", error.hint)
        sides += found
        unread = unread or (None if found else problem)
    if unread is not None and "generator" not in sides:
        raise unread


def side_of(network: StoredNetwork) -> Side:
    """Which network it is: as the format says, or as its layers look."""
    if network.side is not None or not network.layers:
        return network.side or skeletons(network)[0].side
    kinds = [table["kind"] for table in network.layers]
    grows = "conv_transpose" in kinds or "upsample" in kinds or "reshape" in kinds[1:]
    return "generator" if grows or "conv" not in kinds else "discriminator"


def _as_the_card_says(network: StoredNetwork, side: str, hints: Hints) -> StoredNetwork:
    """With the layers that a card spells out, filled by the parts of their names, else of the keys that it says.

    Else by those in the file's order.
    """
    tables = stated_layers(hints, side)
    if not tables:
        return network
    weighted = [table for table in tables if table.get("kind") in FILLED and not table.get("one_hot")]
    names = {part.name for part in network.parts}
    if not all(table.get("name") in names for table in weighted):
        parts = _by_keys(network, weighted, stated_keys(hints, side)) or network.parts
        if len(weighted) != len(parts):
            raise GanlabError(
                f"The card spells out {len(weighted)} layers with weights, and the file holds {len(network.parts)}.",
                "Mend the card's [architecture].",
            )
        renamed = (replace(part, name=str(table["name"])) for part, table in zip(parts, weighted, strict=True))
        network = replace(network, parts=tuple(renamed))
    return replace(network, layers=tuple(tables))


def _by_keys(
    network: StoredNetwork, tables: Sequence[Mapping[str, Any]], keys: Mapping[str, str]
) -> tuple[Part, ...] | None:
    """The part of each layer with weights, by the keys of its parameters; None where one is not found."""
    of_key = {key: part for part in network.parts for key in part.keys.values()}
    homes = {name.rpartition(".")[0]: of_key[key] for name, key in keys.items() if key in of_key}
    if not all(table.get("name") and prefix_of(table) in homes for table in tables):
        return None
    return tuple(homes[prefix_of(table)] for table in tables)
