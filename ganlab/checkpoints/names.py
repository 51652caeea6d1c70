"""Checkpoints that have names: those that ship and those that were saved."""

from __future__ import annotations

from pathlib import Path

from ganlab.locations import runs_folder
from ganlab.wording import composed


def named_checkpoints() -> dict[str, Path]:
    """Checkpoints that ``--gan NAME`` finds: those that ship, then those saved by ``--save``; a shipped name wins."""
    found: dict[str, Path] = {}
    for root in (shipped_folder(), store_folder()):
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if (folder / "card.toml").is_file():
                    found.setdefault(composed(folder.name), folder)
    return found


def ships(folder: Path) -> bool:
    """Whether the checkpoint in this folder comes with ganlab."""
    return folder.parent == shipped_folder()


def shipped_gans() -> list[str]:
    """The names of the checkpoints that come with ganlab."""
    return [name for name, folder in named_checkpoints().items() if ships(folder)]


def shipped_folder() -> Path:
    """Where the checkpoints lie that come with ganlab: inside the wheel, or at the top of a source tree."""
    inside = Path(__file__).parent / "shipped"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "checkpoints"


def store_folder() -> Path:
    """Where ``--save NAME`` puts GANs: ``checkpoints`` below the folder of runs (GANLAB_RUNS, else ``runs``)."""
    return runs_folder() / "checkpoints"
