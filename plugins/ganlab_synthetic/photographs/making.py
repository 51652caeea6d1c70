"""Make the folder of the judge that learnt from photographs: rehearse, choose, train, measure, write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from ganlab import Images, classes_of, new_folder

from ..labelers.blocks import without_batch_norm
from ..labelers.folder import write_card, write_weights
from ..labelers.pixels import as_batch
from ..rooms import CONCEPTS
from ..rooms.labeler_network import RoomUnet
from .choosing import choose_min_pixels, choose_threshold, truth_of
from .reading import Photographs, Split, read_photographs, split
from .scenes import learn_scenes
from .settings import PhotoSettings
from .training import train_network
from .validation import ABOVE_COLOUR, COLOUR, COMMONER, JUDGE, Report, table, validate

SUMMARY = "Windows, pictures, beds, lamps and doors in photographs of rooms, and in what GANs make of such photographs."
DOMAIN = "photographs of rooms, and rooms of 64x64 that a GAN generates which was trained on photographs"
SOURCE = "NYU Depth Dataset V2 (Silberman, Hoiem, Kohli and Fergus 2012), classes of NYU40 (Gupta et al. 2013)"
ENOUGH = 0.75  # balanced accuracy under which the card calls a judge weak
LICENCE = f"for research, as its data: {SOURCE}"


def make_labeler(source: Path, settings: PhotoSettings, out: Path, scenes: Images | None = None) -> None:
    """Read the photographs in ``source``, train, and write the folder ``out``, which must not exist or be empty.

    Args:
        scenes: photographs with classes, whose kinds of rooms the network learns to tell first.

    Raises:
        GanlabError: ``source`` or ``scenes`` cannot be used, or ``out`` is taken or cannot be written.
    """
    with new_folder(out) as folder:
        photographs = read_photographs(source)
        parts = split(photographs.numbers)
        began = time.monotonic()
        begin = learn_scenes(settings, scenes) if scenes else None
        rehearsal = train_network(settings, photographs[parts.rehearse], begin)
        network = train_network(settings, photographs[parts.learn], begin)
        facts = _facts(settings, parts, scenes, round(time.monotonic() - began))
        write_labeler(rehearsal, network, folder, photographs, parts, facts)


def write_labeler(
    rehearsal: RoomUnet,
    network: RoomUnet,
    folder: Path,
    photographs: Photographs,
    parts: Split,
    facts: dict[str, Any],
) -> None:
    """Weights in bfloat16, and the card with figures measured on exactly those weights.

    Thresholds are chosen with the rehearsal, on photographs that it had not seen; ``network`` learnt from those too.
    """
    write_weights(without_batch_norm(network).state_dict(), folder)
    card = facts | choose(rehearsal, photographs[parts.choose])
    write_card(card, folder)
    report = validate(folder, photographs, parts)
    write_card(card | {"trust": trust(report), "table": table(report), "validation": report}, folder)


def choose(network: RoomUnet, photographs: Photographs) -> dict[str, Any]:
    """``threshold`` and ``min_pixels`` of the card, from photographs that the network has not seen."""
    pictures = 2 * as_batch(photographs.at64().images) - 1
    with torch.inference_mode():
        found = torch.cat([network(rows).float().softmax(1)[:, 1:] for rows in pictures.split(32)]).numpy()
    truth = truth_of(photographs)
    threshold = choose_threshold(found, truth)
    return {"threshold": threshold, "min_pixels": choose_min_pixels(found > threshold, truth)}


def trust(report: Report) -> str:
    """How far the judge can be trusted, in a sentence: every concept beside colour alone, and which a guess beats."""
    balanced, accuracy = report["balanced"], report["accuracy"]
    low, high = report["balanced_low"], report["balanced_high"]
    shares = [
        f"{concept} {100 * balanced[JUDGE][concept]:.0f}% [{100 * low[JUDGE][concept]:.0f}, "
        f"{100 * high[JUDGE][concept]:.0f}] (colour alone {100 * balanced[COLOUR][concept]:.0f}%)"
        for concept in CONCEPTS
    ]
    no_better = [concept for concept in CONCEPTS if low[ABOVE_COLOUR][concept] <= 0]
    weak = [concept for concept in CONCEPTS if balanced[JUDGE][concept] < ENOUGH]
    guessed = [concept for concept in CONCEPTS if accuracy[JUDGE][concept] < accuracy[COMMONER][concept]]
    sentences = [f"Held-out photographs told right, the mean of those with and without: {', '.join(shares)}."]
    if weak:
        sentences.append(f"Under {ENOUGH:.0%}, so weak: {', '.join(weak)}.")
    if no_better:
        sentences.append(f"Not shown to be better than colour alone: {', '.join(no_better)}.")
    if guessed:
        sentences.append(f"Always the commoner answer would be right more often: {', '.join(guessed)}.")
    return " ".join(sentences)


def _facts(settings: PhotoSettings, parts: Split, scenes: Images | None, seconds: int) -> dict[str, Any]:
    options = f"--steps {settings.steps} --seed {settings.seed}"
    data = f"{len(parts.learn)} photographs of {SOURCE}; blinds count as windows, curtains teach neither way"
    if scenes:
        options += f" --scenes SCENES --scene-steps {settings.scene_steps}"
        data += f"; before that, {len(scenes)} photographs of {len(classes_of(scenes))} kinds of rooms, by kind only "
        data += "(for the shipped labeler 30,000 of Places365, Zhou, Lapedriza, Khosla, Oliva and Torralba 2017)"
    return {
        "name": JUDGE,
        "summary": SUMMARY,
        "concepts": list(CONCEPTS),
        "domain": DOMAIN,
        "licence": LICENCE,
        "training": {
            "command": f"ganlab synthetic train-photo-labeler FOLDER {options}",
            "seconds": seconds,
            "data": data,
            "held_out": "every fifth run of 25 numbers, and nothing learns from the 6 numbers before and after it",
            "thresholds": f"chosen on {len(parts.choose)} of them with a network that learnt from "
            f"{len(parts.rehearse)} others",
            "batch": settings.batch,
            "lr": settings.lr,
            "torch": torch.__version__,
        },
    }
