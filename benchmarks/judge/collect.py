"""Pictures for the labeler to learn from: samples of a GAN, whole and edited in many ways, to be labelled by eye.

    python benchmarks/judge/collect.py draw GAN FOLDER          # numbered sheets to look at, and samples.png
    python benchmarks/judge/collect.py draw GAN FOLDER --kind random --unsure   # where the labeler hesitates
    python benchmarks/judge/collect.py draw GAN FOLDER --kind probed --unsure   # random drops as the probe makes them
    python benchmarks/judge/collect.py draw GAN FOLDER --kind bare   # where it sees windows that were never there
    python benchmarks/judge/collect.py join FOLDER LABELS ...   # add what several observers saw to the plugin's

Drawn rooms teach the labeler what a window is; what is left of one when feature maps are missing can only be seen.
LABELS are JSON files {number: 1 for a window, 0 for none, "u" for unsure}, one an observer. The pictures and the share
of observers who saw a window in each go into ``seen.jpg`` and ``seen.json`` beside the labeler's weights. Nothing that
the judge is tested on is among them: those samples have indices of their own (``blind.py``), on whichever checkpoint.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sheets import write_numbered

from ganlab import Gan, Labeler, load_gan, zeroed
from ganlab_probe.marks import from_labeler
from ganlab_probe.regression import fit
from ganlab_synthetic.labelers.sheets import tiled, untiled
from ganlab_synthetic.rooms.seen import Seen, read_seen, write_seen

FIRST = 3_000_000  # index of the first sample, below those of blind.py
COLUMNS = 6
DROPPED = "up8"  # the layer that the probe drops filters of

KINDS = ("whole", "window", "random")
OFTEN = (0.2, 0.5, 0.3)  # how often each kind is drawn
PROBED = "probed"  # random filters of one layer, about as many as the probe drops
AS_MANY = (0.55, 0.75)  # of its filters
BARE = "bare"  # random drops in rooms without a window, where pictures on the wall are taken for one
WINDOWS_TOO = 0.3  # of the samples of that kind have one, so that whoever labels cannot know
SEARCHED = 100_000  # samples looked at for them; nine in a hundred of rooms-64 show no window
SHOWN, NOT_SHOWN = 200, 20  # pixels of a window, of 64x64, from which a whole room has one, and up to which it has none
VOTES = {1: 1.0, 0: 0.0, "u": 0.5}
UNSURE = (10, 250)  # pixels of a window, of 64x64, between which the labeler is held to hesitate


def draw_unsure(gan: Gan, labeler: Labeler, n: int, seed: int, kind: str | None) -> np.ndarray:
    """Samples of which every second one is one that the labeler hesitates about."""
    images = draw(gan, labeler, 8 * n, seed, kind)
    pixels = _window_pixels(gan, labeler, gan.image.from_uint8(images))
    hesitates = (pixels > UNSURE[0]) & (pixels < UNSURE[1])
    chosen = np.concatenate([np.flatnonzero(hesitates)[: n // 2], np.flatnonzero(~hesitates)])[:n]
    return images[np.sort(chosen)]


def draw(gan: Gan, labeler: Labeler, n: int, seed: int, only: str | None) -> np.ndarray:
    """Samples (n, h, w, 3) uint8: some whole, most without filters of windows, the rest without random ones."""
    marks = from_labeler(gan, labeler, "window", gan.latents(150, seed=seed))
    maps = {layer.name: layer.shape[0] for layer in gan.hidden_layers()}
    with gan.record(*maps) as recording:
        gan.generate(marks.latents)
    ranked = {
        name: fit(recording[name], marks.inside(recording[name].shape[2]), c=1e-3, negatives=1.0, seed=seed).ranked()
        for name in maps
    }
    rng = np.random.default_rng(seed)
    latents = gan.latents(n, seed=seed, first=FIRST)
    pictures = []
    for row in range(n):
        kind = only or rng.choice(KINDS, p=OFTEN)
        # where windows truly go is looked at most; some edits reach into two layers
        layers = rng.choice(list(maps), size=1 if rng.random() < 0.7 else 2, replace=False, p=[0.1, 0.6, 0.2, 0.1])
        share = rng.uniform(0.3, 0.7)
        if kind == PROBED:
            layers, share = [DROPPED], rng.uniform(*AS_MANY)
        edits = {}
        for name in layers:
            order = ranked[name] if kind == "window" else rng.permutation(maps[name])
            edits[name] = zeroed(order[: round(share * maps[name])])
        if kind == "whole":
            pictures.append(gan.generate(latents[row : row + 1]))
            continue
        with gan.edit(edits):
            pictures.append(gan.generate(latents[row : row + 1]))
    return gan.image.to_uint8(torch.cat(pictures))


def draw_bare(gan: Gan, labeler: Labeler, n: int, seed: int) -> np.ndarray:
    """Samples with random filters dropped whose whole picture shows no window, but in which the labeler sees one.

    Three in ten come from rooms with a window.
    """
    rng = np.random.default_rng(seed)
    maps = next(layer.shape[0] for layer in gan.hidden_layers() if layer.name == DROPPED)
    wanted = {True: round(WINDOWS_TOO * n), False: n - round(WINDOWS_TOO * n)}
    found: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for first in range(FIRST, FIRST + SEARCHED, 100):
        if all(len(found[kind]) >= wanted[kind] for kind in found):
            break
        latents = gan.latents(100, seed=seed, first=first)
        whole = _window_pixels(gan, labeler, gan.generate(latents))
        with gan.edit({DROPPED: zeroed(rng.permutation(maps)[: rng.integers(maps // 2, 3 * maps // 4)])}):
            damaged = gan.generate(latents)
        seen = _window_pixels(gan, labeler, damaged) > UNSURE[0]
        for kind, rows in ((True, whole >= SHOWN), (False, (whole <= NOT_SHOWN) & seen)):
            found[kind].extend(gan.image.to_uint8(damaged[torch.from_numpy(rows)]))
    else:
        raise SystemExit(f"{SEARCHED} samples of {gan.name} hold too few such rooms for --n {n}.")
    chosen = np.stack([picture for kind in found for picture in found[kind][: wanted[kind]]])
    return chosen[rng.permutation(n)]


def _window_pixels(gan: Gan, labeler: Labeler, images: torch.Tensor) -> np.ndarray:
    return labeler.masks(images, gan.image)[:, labeler.column("window")].sum((1, 2))


def write(images: np.ndarray, folder: Path) -> None:
    """The sheets to look at, and all pictures in one file to be joined from."""
    write_numbered(images, folder, COLUMNS)
    tiled(images).save(folder / "samples.png")


def join(folder: Path, labels: list[Path]) -> None:
    """Add the pictures that all observers looked at to what the labeler learns from."""
    observers = [json.loads(path.read_text()) for path in labels]
    numbers = sorted(int(key) for key in observers[0] if all(key in observer for observer in observers))
    share = np.array([np.mean([VOTES[observer[str(number)]] for observer in observers]) for number in numbers])
    with Image.open(folder / "samples.png") as sheet:
        new = untiled(sheet)[numbers]
    old = read_seen()
    both = Seen(np.concatenate([old.images, new]), np.concatenate([old.window, share]))
    write_seen(both)
    print(f"{len(numbers)} added, on {np.isin(share, (0, 1)).mean():.0%} of which all agree; now {len(both.window)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["draw", "join"])
    parser.add_argument("first", help="GAN to draw, FOLDER to join")
    parser.add_argument("rest", nargs="+", type=Path, help="FOLDER to draw into, LABELS to join")
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=[*KINDS, PROBED, BARE], help="only samples of this kind")
    parser.add_argument("--unsure", action="store_true", help="half of them such as the labeler hesitates about")
    arguments = parser.parse_args()
    if arguments.what == "draw":
        gan = load_gan(arguments.first)
        labeler = Labeler.of_checkpoint(gan) or Labeler.from_spec("rooms")
        if arguments.kind == BARE:
            images = draw_bare(gan, labeler, arguments.n, arguments.seed)
        else:
            take = draw_unsure if arguments.unsure else draw
            images = take(gan, labeler, arguments.n, arguments.seed, arguments.kind)
        write(images, arguments.rest[0])
    else:
        join(Path(arguments.first), arguments.rest)


if __name__ == "__main__":
    main()
