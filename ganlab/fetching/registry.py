"""Well-known GANs in public repositories, by name: ``registry.toml`` says where they lie and what they must be."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from ganlab.fetching.download import Wanted
from ganlab.fetching.places import Place
from ganlab.fetching.web import check_address

FILE = Path(__file__).with_name("registry.toml")


@dataclass(frozen=True)
class Entry:
    """A public GAN.

    Attributes:
        name: what ``--gan`` calls it.
        summary: one line.
        source: the page of whoever made it.
        licence: as its authors state it.
        format: how it was saved, in words.
        folders: addresses of the folder of its files; the second is asked where the first has gone.
        files: name -> sha256.
    """

    name: str
    summary: str
    source: str
    licence: str
    format: str
    folders: tuple[str, ...]
    files: dict[str, str]

    def wanted(self) -> list[Wanted]:
        """Its files, all in one folder."""
        return [
            Wanted(
                tuple(check_address(f"{folder}/{quote(file)}") for folder in self.folders),
                Place(("names", self.name), file),
                sha256,
            )
            for file, sha256 in self.files.items()
        ]


@cache
def entries() -> dict[str, Entry]:
    """All of them, by name."""
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: Entry(name, folders=tuple(table.pop("folders")), **table) for name, table in tables.items()}
