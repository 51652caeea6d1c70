"""How often the test of `ganlab neighbors` takes honest samples for copies, and whether it catches a copier.

python benchmarks/memorisation.py PICTURES.npy [--draws 100]        (uint8 (n, h, w, c), from 15,000)

Real pictures play all parts. Each draw takes a training set, an equally large held-out set and samples at random:
honest: pictures of neither set; soft: the same, blurred; copier: the same, one in ten replaced by a training picture
with noise of 8 levels. Distances in pixels are computed once, between everything that may be drawn.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from PIL import Image, ImageFilter

from ganlab_neighbors.membership import ALPHA, Pool, compare

POOL, SOURCE, COPIED = 12_000, 2_000, 1_000  # of the two sets; of samples; pictures of the pool that may be copied
SET, SAMPLES, K = 3_000, 300, 8
NOISE, BLUR = 8.0, 1.5


def distances(queries: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """(q, p) root mean square differences of levels, of pictures (q, h, w, c) and (p, h, w, c)."""
    a, b = (torch.from_numpy(part.reshape(len(part), -1)).float() - 120 for part in (queries, pool))
    squared = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * (a @ b.T)
    return (squared.clamp(min=0) / a.shape[1]).sqrt().numpy()


def blurred(pictures: np.ndarray) -> np.ndarray:
    soft = [Image.fromarray(picture).filter(ImageFilter.GaussianBlur(BLUR)) for picture in pictures]
    return np.stack([np.asarray(picture) for picture in soft])


def nearest(known: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """The K nearest of these members, from distances (n, pool) to all."""
    among = known[:, members]
    order = np.argpartition(among, K, axis=1)[:, :K]
    order = np.take_along_axis(order, np.argsort(np.take_along_axis(among, order, 1), axis=1), 1)
    return np.take_along_axis(among, order, 1).astype(np.float64), members[order], len(members)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    stored = np.load(options.pictures, mmap_mode="r")
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(stored))[: POOL + SOURCE]
    pictures = stored[np.sort(rows)][np.argsort(np.argsort(rows))]
    pool, source = pictures[:POOL], pictures[POOL:]
    copies = np.clip(np.rint(pool[:COPIED] + rng.normal(0, NOISE, pool[:COPIED].shape)), 0, 255).astype(np.uint8)
    known = {name: distances(part, pool) for name, part in (("honest", source), ("soft", blurred(source)))}
    copied = distances(copies, pool)
    found: dict[str, list[float]] = {"honest": [], "soft": [], "copier": []}
    first = []
    for draw in range(options.draws):
        members = rng.permutation(POOL)
        training, heldout = members[:SET], members[SET : 2 * SET]
        samples = rng.permutation(SOURCE)[:SAMPLES]
        chosen = rng.permutation(training[training < COPIED])[: SAMPLES // 10]
        asked = {name: known[name][samples] for name in known}
        asked["copier"] = np.concatenate([copied[chosen], asked["honest"][len(chosen) :]])
        for name, part in asked.items():
            near, far = nearest(part, training), nearest(part, heldout)
            found[name].append(compare({"pixels": Pool.of(near, far)}, draw).p)
            if name == "copier":
                order = np.argsort(near[0][:, 0] / far[0][:, 0], kind="stable")
                first.append((order[: len(chosen)] < len(chosen)).mean())
    for name, ps in found.items():
        alarms = sum(p < ALPHA for p in ps)
        spread = ", ".join(f"{np.quantile(ps, share):.4f}" for share in (0, 0.25, 0.5, 0.75, 1))
        print(f"{name:7} {alarms:3} alarms in {len(ps)} draws; p: least, quartiles, largest {spread}")
    print(f"copies among the first by ratio: {np.mean(first):.1%}")


if __name__ == "__main__":
    main()
