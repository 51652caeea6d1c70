"""Files written by ``torch.save``: told apart and refused safely. No code in them runs."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import torch

from ganlab.errors import GanlabError
from ganlab.gan import Gan

SUFFIXES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".tar")
PICKLE_START = b"\x80"


def recognises(path: Path) -> bool:
    """A file that begins as a pickle does, or whose name says so."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.suffix.lower() in SUFFIXES or file.read(1) == PICKLE_START


def load(path: Path) -> Gan:
    """Say what the file is and what to do.

    Raises:
        GanlabError: always, for now: bare weights do not say how to build their network.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # advice on pickles, which is not for the user
            torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise GanlabError(
            f"{path} pickles Python objects, not weights alone: it could run any code, so it was not loaded.",
            "Where it was made, save the weights: torch.save(generator.state_dict(), FILE).",
        ) from error
    except Exception as error:  # torch raises whatever its unpickler met: truncated, foreign and hostile files
        raise GanlabError(
            f"{path} is damaged or is no PyTorch file ({type(error).__name__}).", "Fetch or copy it again."
        ) from error
    raise GanlabError(
        f"{path} holds bare PyTorch weights, which do not say what network they belong to.",
        "Put them into a ganlab checkpoint: a folder with card.toml and weights.safetensors (docs/checkpoints.md).",
    )
