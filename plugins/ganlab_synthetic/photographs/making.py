"""Make the folder of the judge that learnt from photographs: rehearse, choose, train, measure, write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from ..labeler_common import new_folder, write_card, write_weights
from ..labeler_network import RoomUnet, without_batch_norm
from ..pixels import as_batch
from ..rooms import CONCEPTS
from .choosing import choose_min_pixels, choose_threshold, truth_of
from .reading import Photographs, Split, read_photographs, split
from .training import PhotoSettings, train_network
from .validation import JUDGE, table, validate

SUMMARY = "Windows, pictures, beds, lamps and doors in photographs of rooms, and in what GANs make of such photographs."
DOMAIN = "photographs of rooms, and rooms of 64x64 that a GAN generates which was trained on photographs"
SOURCE = "NYU Depth Dataset V2 (Silberman, Hoiem, Kohli and Fergus 2012), classes of NYU40 (Gupta et al. 2013)"
LICENCE = f"for research, as its data: {SOURCE}"


def make_labeler(source: Path, settings: PhotoSettings, out: Path) -> None:
    """Read the photographs in ``source``, train, and write the folder ``out``, which must not exist or be empty.

    Raises:
        GanlabError: ``source`` cannot be used, or ``out`` is taken or cannot be written.
    """
    with new_folder(out) as folder:
        photographs = read_photographs(source)
        parts = split(photographs.numbers)
        began = time.monotonic()
        rehearsal = train_network(settings, photographs[parts.rehearse])
        network = train_network(settings, photographs[parts.learn])
        seconds = round(time.monotonic() - began)
        write_labeler(rehearsal, network, folder, settings, photographs, parts, seconds)


def write_labeler(
    rehearsal: RoomUnet,
    network: RoomUnet,
    folder: Path,
    settings: PhotoSettings,
    photographs: Photographs,
    parts: Split,
    seconds: int,
) -> None:
    """Weights in bfloat16, and the card with figures measured on exactly those weights.

    Thresholds are chosen with the rehearsal, on photographs that it had not seen; ``network`` learnt from those too.
    """
    write_weights(without_batch_norm(network, len(CONCEPTS)).state_dict(), folder)
    card = _facts(settings, parts, seconds) | choose(rehearsal, photographs[parts.choose])
    write_card(card, folder)
    report = validate(folder, photographs, parts)
    write_card(card | {"table": table(report), "validation": report}, folder)


def choose(network: RoomUnet, photographs: Photographs) -> dict[str, Any]:
    """``threshold`` and ``min_pixels`` of the card, from photographs that the network has not seen."""
    pictures = 2 * as_batch(photographs.at64().images) - 1
    with torch.inference_mode():
        found = torch.cat([network(rows).float().softmax(1)[:, 1:] for rows in pictures.split(32)]).numpy()
    truth = truth_of(photographs)
    threshold = choose_threshold(found, truth)
    return {"threshold": threshold, "min_pixels": choose_min_pixels(found > threshold, truth)}


def _facts(settings: PhotoSettings, parts: Split, seconds: int) -> dict[str, Any]:
    return {
        "name": JUDGE,
        "summary": SUMMARY,
        "concepts": list(CONCEPTS),
        "domain": DOMAIN,
        "licence": LICENCE,
        "training": {
            "command": f"ganlab synthetic train-photo-labeler FOLDER --steps {settings.steps} --seed {settings.seed}",
            "seconds": seconds,
            "data": f"{len(parts.learn)} photographs of {SOURCE}; blinds count as windows, curtains teach neither way",
            "held_out": "every fifth run of 25 numbers, and nothing learns from the 6 numbers before and after it",
            "thresholds": f"chosen on {len(parts.choose)} of them with a network that learnt from "
            f"{len(parts.rehearse)} others",
            "batch": settings.batch,
            "lr": settings.lr,
            "torch": torch.__version__,
        },
    }
