"""How often the test of `ganlab neighbors` takes honest samples for copies, and whether it catches a copier.

python benchmarks/memorisation.py PICTURES.npy [--draws 100] [--left-out 300]      (uint8 (n, h, w, c), from 15,000)
python benchmarks/memorisation.py --simulated [--draws 100]

Real pictures play all parts. Each draw takes a training set, an equally large held-out set, samples and pictures that
play left-out training pictures at random. Honest: pictures of neither set; soft: the same, blurred; copier: the honest
ones, one in ten replaced by a training picture with noise of 8 levels. The held-out pictures are like the training
pictures, or changed. Distances in pixels are computed once, between everything that may be drawn.

Simulated: points of a normal distribution, held-out ones moved, so that what is drawn as training is nearer; each draw
is of new points. Beside it a copier of one in ten, of any training point, also of those that are not in the test.

Both count answers refused, samples that are nearer than chance has it, and alarms, which ask for more.
"""

from __future__ import annotations

import argparse
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from PIL import Image, ImageFilter

from ganlab_neighbors.membership import ALPHA, LEFT_OUT, Answer, Pool, compare

POOL, SOURCE, COPIED = 12_000, 2_000, 1_000  # of the two sets; of samples; pictures of the pool that may be copied
SET, SAMPLES, K = 3_000, 300, 8
NOISE, BLUR = 8.0, 1.5
SOFTER, QUALITY, HARDER = 0.4, 75, 1.05  # held-out pictures of another kind: sigma in pixels; of JPEG; of contrast
SIZES = ((2500, 500, 400), (500, 500, 400), (500, 2000, 400))  # training, samples, held-out
MOVED, DIMENSIONS, NEAR = (0.0, 0.35, 0.7), 4, 0.02  # the latter: of a copy, in each dimension

Nearest = tuple[np.ndarray, np.ndarray, int]
Groups = dict[str, np.ndarray]


class Count:
    """What was said, over all draws."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = defaultdict(list)

    def add(self, answers: Mapping[str, Answer]) -> None:
        for name, answer in answers.items():
            self.answers[name].append(answer)

    def tell(self) -> None:
        answered = [not answer.unlike for answer in self.answers.pop(LEFT_OUT)]
        print(f"  no answer in {len(answered) - sum(answered)} of {len(answered)} draws; of the others:")
        for name, answers in self.answers.items():
            told = [answer for answer, known in zip(answers, answered, strict=True) if known]
            nearer, alarms = sum(a.p < ALPHA for a in told), sum(a.alarm for a in told)
            print(f"  {name:8} {nearer:3} nearer than chance, {alarms:3} alarms; in all draws: p {_spread(answers)}")


def _spread(answers: list[Answer]) -> str:
    """Least, quartiles, largest of both p, in all draws."""
    both = [a.p for a in answers], [a.p_against for a in answers]
    parts = [" ".join(f"{np.quantile(ps, share):.4f}" for share in (0, 0.25, 0.5, 0.75, 1)) for ps in both]
    return "; against left-out ones ".join(parts)


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


def contrasted(pictures: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(120 + HARDER * (pictures.astype(np.float32) - 120)), 0, 255).astype(np.uint8)


def nearest(known: np.ndarray, members: np.ndarray) -> Nearest:
    """The K nearest of these members, from distances (n, all)."""
    among = known[:, members]
    order = np.argpartition(among, K, axis=1)[:, :K]
    order = np.take_along_axis(order, np.argsort(np.take_along_axis(among, order, 1), axis=1), 1)
    return np.take_along_axis(among, order, 1).astype(np.float64), members[order], len(members)


def groups(**sizes: int) -> Iterator[tuple[str, np.ndarray]]:
    """Rows of what is looked up in turn."""
    first = 0
    for name, size in sizes.items():
        yield name, np.arange(first, first + size)
        first += size


def with_copier(honest: np.ndarray, left_out: np.ndarray, copies: np.ndarray, **more: np.ndarray) -> Groups:
    """What is tested: the copier has made the honest ones, but for those that its copies take the place of."""
    copier = np.concatenate([copies, honest[len(copies) :]])
    return {"honest": honest, **more, "copier": copier, LEFT_OUT: left_out}


def photographs(stored: np.ndarray, draws: int, left_out: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(stored))[: POOL + SOURCE]
    pictures = stored[np.sort(rows)][np.argsort(np.argsort(rows))]
    pool, source = pictures[:POOL], pictures[POOL:]
    copies = np.clip(np.rint(pool[:COPIED] + rng.normal(0, NOISE, pool[:COPIED].shape)), 0, 255).astype(np.uint8)
    looked_up = np.concatenate([source, blurred(source, BLUR), copies])
    heldout = {"alike": pool, "softer": blurred(pool, SOFTER), "recompressed": recompressed(pool)}
    heldout["harder"] = contrasted(pool)
    known = {kind: distances(looked_up, part) for kind, part in heldout.items()}
    counts, first = {kind: Count() for kind in heldout}, []
    parts = dict(groups(honest=SAMPLES, soft=SAMPLES, left_out=left_out, copies=SAMPLES // 10))
    tested = with_copier(**parts)
    for draw in range(draws):
        members = rng.permutation(POOL)
        training, held = members[:SET], members[SET : 2 * SET]
        samples, others = np.split(rng.permutation(SOURCE)[: SAMPLES + left_out], [SAMPLES])
        chosen = rng.permutation(training[training < COPIED])[: SAMPLES // 10]
        asked = np.concatenate([samples, SOURCE + samples, others, 2 * SOURCE + chosen])
        near = nearest(known["alike"][asked], training)
        for kind, count in counts.items():
            far = nearest(known[kind][asked], held)
            count.add(compare({"pixels": Pool.of(near, far)}, tested, draw))
            if kind == "alike":
                order = np.argsort((near[0][:, 0] / far[0][:, 0])[tested["copier"]], kind="stable")
                first.append((order[: len(chosen)] < len(chosen)).mean())
    for kind, count in counts.items():
        print(f"held-out pictures {kind}, {left_out} left out:")
        count.tell()
    print(f"copies among the first by ratio: {np.mean(first):.1%}")


def simulated(draws: int) -> None:
    for size in SIZES:
        for moved in MOVED:
            count = Count()
            for draw in range(draws):
                count.add(_points(np.random.default_rng([*size, int(100 * moved), draw]), *size, moved, draw))
            print("{} training, {} samples, {} held-out points".format(*size), f"moved by {moved}:")
            count.tell()


def _points(
    rng: np.random.Generator, training: int, samples: int, heldout: int, moved: float, seed: int
) -> dict[str, Answer]:
    parts = dict(groups(honest=samples, left_out=min(samples, training // 5), copies=samples // 10))
    points = rng.normal(size=(training + samples + heldout, DIMENSIONS))
    own, honest, held = np.split(points, [training, training + samples])
    held[:, 0] += moved
    left_out, own = np.split(own, [len(parts["left_out"])])
    copied = own[rng.integers(0, len(own), len(parts["copies"]))]
    asked = np.concatenate([honest, left_out, copied + NEAR * rng.normal(size=copied.shape)])
    equal = min(len(own), heldout)
    near, far = (nearest(_apart(asked, part[:equal]), np.arange(equal)) for part in (own, held))
    return compare({"points": Pool.of(near, far)}, with_copier(**parts), seed)


def _apart(asked: np.ndarray, points: np.ndarray) -> np.ndarray:
    return torch.cdist(torch.from_numpy(asked), torch.from_numpy(points)).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("pictures", nargs="?")
    what.add_argument("--simulated", action="store_true")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--left-out", type=int, default=SAMPLES)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.simulated:
        simulated(options.draws)
    else:
        photographs(np.load(options.pictures, mmap_mode="r"), options.draws, options.left_out)


if __name__ == "__main__":
    main()
