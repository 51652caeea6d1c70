"""Checkpoints from elsewhere: ``fetch(spec)`` brings one into the cache and says where it lies."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError
from ganlab.fetching.torchhub import load_hub as load_hub
from ganlab.wording import quoted, suggest

if TYPE_CHECKING:
    from ganlab.fetching.download import Wanted
    from ganlab.fetching.registry import Entry

PREFIXES = ("https:", "http:", "hf:", "hub:")
HASH = "#sha256="


def knows(spec: str) -> bool:
    """Whether this is something to fetch: an address, ``hf:``, ``hub:``, or a public GAN's name."""
    return spec.startswith(PREFIXES) or spec in entries()


def entries() -> dict[str, Entry]:
    """The public GANs that have names."""
    from ganlab.fetching import registry

    return registry.entries()


def fetched(spec: str, sha256: str | None = None) -> Path | None:
    """Where something fetched before lies; None where it would have to be fetched. Never asks the network.

    Args:
        spec: as for :func:`fetch`.
        sha256: what it must be.
    """
    spec, sha256 = _with_hash(spec, sha256)
    if spec.startswith("hf:"):
        from ganlab.fetching.huggingface import HubFile

        local = HubFile.from_spec(spec).local(sha256)
        if local is not None:
            return local
    wanted = _wanted(spec, sha256, online=False)
    paths = [path for one in wanted if (path := one.place.whole(one.sha256)) is not None]
    return _together(paths) if paths and len(paths) == len(wanted) else None


def fetch(spec: str, sha256: str | None = None, *, again: bool = False, largest: int | None = None) -> Path:
    """Bring a file or a small folder into the cache; what is there already is not fetched again.

    Args:
        spec: ``https://...``, ``hf:OWNER/REPO[/FILE][@REVISION]``, each with ``#sha256=HEX`` if its hash is known, or
            a public GAN's name.
        sha256: what the file must be; without it, it must stay what it is now.
        again: ask for it anew. Offline, the copy that is there is taken.
        largest: the most bytes of a file to accept; 4 GiB unless said.

    Raises:
        GanlabError: it cannot be had, is not what it must be, or would run code.
    """
    from ganlab import screen
    from ganlab.fetching.download import LARGEST, obtain
    from ganlab.fetching.web import Offline

    bare, sha256 = _with_hash(spec, sha256)
    here = fetched(bare, sha256)
    if here is not None and not again:
        return here
    screen.say(f"Fetching {bare}")
    try:
        wanted = _wanted(bare, sha256, online=True, again=again)
        limit = LARGEST if largest is None else largest
        return _together([obtain(one, again=again, largest=limit) for one in wanted])
    except Offline as error:
        if here is None:
            raise
        screen.say(f"{error.message} The copy in the cache is used.")
        return here


def _wanted(spec: str, sha256: str | None, *, online: bool, again: bool = False) -> list[Wanted]:
    """The files that a spec stands for; none where only the network could tell, and it may not be asked."""
    from ganlab.fetching import huggingface, torchhub

    if spec.startswith(torchhub.PREFIX):
        raise torchhub.refusal(spec)
    if spec.startswith(huggingface.PREFIX):
        named = huggingface.HubFile.from_spec(spec)
        chosen = named.choice(online=online, again=again) or {}
        wanted = [named.wanted(file, known) for file, known in chosen.items()]
    elif spec in entries():
        wanted = entries()[spec].wanted()
    elif spec.startswith(("https:", "http:")):
        wanted = [_at(spec)]
    else:
        hint = suggest(spec, entries(), "Give an address, hf:OWNER/REPO or one of these names")
        raise GanlabError(f"{quoted(spec)} is nothing that can be fetched.", hint)
    if sha256 is None or not wanted:
        return wanted
    if len(wanted) > 1:
        raise GanlabError(f"{spec} is {len(wanted)} files, for which one sha256 is not enough.", "Leave it out.")
    return [replace(wanted[0], sha256=sha256)]


def _at(url: str) -> Wanted:
    """The file at an address; each address has a folder of its own."""
    from hashlib import sha256
    from urllib.parse import unquote, urlsplit

    from ganlab.fetching.download import Wanted
    from ganlab.fetching.places import Place
    from ganlab.fetching.web import check_address

    url = check_address(url)
    parts = urlsplit(url)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or "file"
    folder = f"{parts.hostname}-{sha256(url.encode()).hexdigest()[:12]}"
    return Wanted((url,), Place(("urls", folder), name))


def _together(paths: list[Path]) -> Path:
    """One file, or the folder of several."""
    return paths[0] if len(paths) == 1 else paths[0].parent


def _with_hash(spec: str, sha256: str | None) -> tuple[str, str | None]:
    """A spec without ``#sha256=HEX``, and the hash it must have, if anybody says so."""
    spec, marked, told = spec.partition(HASH)
    sha256 = told if marked else sha256
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise GanlabError(f"{sha256!r} is no sha256.", "It has 64 hexadecimal digits.")
    return spec, None if sha256 is None else sha256.lower()
