"""Make a labeler's folder: train, fold, measure, and write weights and card."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch
from safetensors.torch import save_file

from ganlab import GanlabError

from .labeler import CARD, WEIGHTS, RoomLabeler
from .labeler_network import RoomUnet, without_batch_norm
from .labeler_training import LabelerSettings, Rooms, draw_rooms, train_labeler
from .labeler_validation import held_out_rooms, table, validate
from .rooms import CONCEPTS

# Chosen by eye on generated rooms: from how many pixels of 64x64 a person sees the thing itself and not a trace of it.
MIN_PIXELS = {"window": 40, "picture": 30, "bed": 60, "lamp": 20, "door": 40}
THRESHOLD = 0.5
SUMMARY = "Windows, pictures, beds, lamps and doors in drawn and generated rooms, told by structure rather than colour."
DOMAIN = "rooms drawn by ganlab_synthetic and those that a GAN trained on them generates, also with filters zeroed; 64x64"
HELD_OUT = 1000  # rooms measured on


def make_labeler(settings: LabelerSettings, out: Path) -> None:
    """Repeat the training and write the folder ``out``, which must not exist or be empty.

    Raises:
        GanlabError: the folder is taken or cannot be written.
    """
    with _new_folder(out) as folder:
        rooms = draw_rooms(settings)
        began = time.monotonic()
        network = train_labeler(settings, rooms)
        write_labeler(network, folder, settings, rooms, round(time.monotonic() - began))


def write_labeler(network: RoomUnet, folder: Path, settings: LabelerSettings, rooms: Rooms, seconds: int) -> None:
    """Weights in bfloat16, and the card with figures measured on exactly those weights."""
    weights = without_batch_norm(network, len(CONCEPTS)).state_dict()
    save_file({name: value.to(torch.bfloat16).contiguous() for name, value in weights.items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors lets nobody else read
    card = _facts(settings, len(rooms.images), seconds)
    _write_card(card, folder)
    some = np.random.default_rng(0).permutation(settings.rooms)[:4000]
    report = validate(RoomLabeler(folder), held_out_rooms(HELD_OUT), Rooms(rooms.images[some], rooms.labels[some]))
    _write_card(card | {"table": table(report), "validation": {"rooms": HELD_OUT, "room_seed": 78} | report}, folder)


def _facts(settings: LabelerSettings, rooms: int, seconds: int) -> dict[str, Any]:
    command = f"ganlab synthetic train-labeler --rooms {settings.rooms} --steps {settings.steps} --seed {settings.seed}"
    return {
        "name": RoomLabeler.name,
        "summary": SUMMARY,
        "concepts": list(CONCEPTS),
        "domain": DOMAIN,
        "licence": "MIT",
        "threshold": THRESHOLD,
        "min_pixels": MIN_PIXELS,
        "training": {
            "command": command,
            "seconds": seconds,
            "data": f"{rooms} drawn rooms of series {settings.room_seed}, a third of them with decoys; no photograph",
            "batch": settings.batch,
            "lr": settings.lr,
            "torch": torch.__version__,
        },
    }


def _write_card(card: Mapping[str, Any], folder: Path) -> None:
    (folder / CARD).write_text(tomli_w.dumps(dict(card), multiline_strings=True), encoding="utf-8")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside ``out`` that becomes it when all went well and vanishes otherwise."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise GanlabError(f"{out} already exists.", "Give --out a folder that does not exist yet.")
    beside = None
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
        yield beside
        beside.chmod(0o755)
        os.replace(beside, out)
    except OSError as error:
        raise GanlabError(f"{out} could not be written: {error.strerror}.", "Choose another --out.") from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
