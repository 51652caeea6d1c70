"""How often the test of `ganlab neighbors` takes honest samples for copies, and whether it catches a copier.

python benchmarks/memorisation.py PICTURES.npy [--draws 100]        (uint8 (n, h, w, c), from 15,000)

Real pictures play all parts. Each draw takes a training set, an equally large held-out set and samples at random:
honest: pictures of neither set; soft: the same, blurred; copier: the same, one in ten replaced by a training picture
with noise of 8 levels. Distances in pixels are computed once, between everything that may be drawn.

The pictures of neither set stand for left-out training pictures too: how often they refuse an answer where both sets
are alike, and where the held-out pictures are softer or recompressed, and how often the copier is cleared there.
"""

from __future__ import annotations

import argparse
import io

import numpy as np
import torch
from PIL import Image, ImageFilter

from ganlab_neighbors.membership import ALPHA, Pool, compare

POOL, SOURCE, COPIED = 12_000, 2_000, 1_000  # of the two sets; of samples; pictures of the pool that may be copied
SET, SAMPLES, K = 3_000, 300, 8
NOISE, BLUR = 8.0, 1.5
SOFTER, QUALITY = 0.4, 75  # held-out pictures of another kind: sigma in pixels; of JPEG


def distances(queries: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """(q, p) root mean square differences of levels, of pictures (q, h, w, c) and (p, h, w, c)."""
    a, b = (torch.from_numpy(part.reshape(len(part), -1)).float() - 120 for part in (queries, pool))
    squared = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * (a @ b.T)
    return (squared.clamp(min=0) / a.shape[1]).sqrt().numpy()


def blurred(pictures: np.ndarray, radius: float) -> np.ndarray:
    soft = [Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)) for picture in pictures]
    return np.stack([np.asarray(picture) for picture in soft])


def recompressed(pictures: np.ndarray) -> np.ndarray:
    again = []
    for picture in pictures:
        Image.fromarray(picture).save(data := io.BytesIO(), "JPEG", quality=QUALITY)
        again.append(np.asarray(Image.open(data)))
    return np.stack(again)


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
    known = {name: distances(part, pool) for name, part in (("honest", source), ("soft", blurred(source, BLUR)))}
    copied = distances(copies, pool)
    others = {"softer": blurred(pool, SOFTER), "recompressed": recompressed(pool)}  # how held-out pictures may differ
    apart = {kind: (distances(source, part), distances(copies, part)) for kind, part in others.items()}
    apart["alike"] = known["honest"], copied
    found: dict[str, list[float]] = {"honest": [], "soft": [], "copier": []}
    refused, cleared = ({kind: [] for kind in apart} for _ in range(2))
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
        for kind, (honest, copier) in apart.items():
            far = honest[samples], np.concatenate([copier[chosen], honest[samples][len(chosen) :]])
            left_out, copying = (
                compare({"pixels": Pool.of(nearest(asked[name], training), nearest(part, heldout))}, draw)
                for name, part in zip(("honest", "copier"), far, strict=True)
            )
            refused[kind].append(left_out.unlike)
            cleared[kind].append(not left_out.unlike and not copying.alarm)
    for name, ps in found.items():
        alarms = sum(p < ALPHA for p in ps)
        spread = ", ".join(f"{np.quantile(ps, share):.4f}" for share in (0, 0.25, 0.5, 0.75, 1))
        print(f"{name:7} {alarms:3} alarms in {len(ps)} draws; p: least, quartiles, largest {spread}")
    for kind in apart:
        print(f"held-out {kind:12} no answer in {sum(refused[kind])}, copier cleared in {sum(cleared[kind])} draws")
    print(f"copies among the first by ratio: {np.mean(first):.1%}")


if __name__ == "__main__":
    main()
