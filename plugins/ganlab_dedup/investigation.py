"""De-duplication, step by step: hash, search, compare, group, and check with copies that were planted."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np

from ganlab import GanlabError, Images, Metric, Result, Table, Twins, few, shuffled

from . import checks, figures
from .autoencoder import VIEWS, Hasher, train
from .control import Searched, flip, plant
from .figures import DROPPED, KEPT, SOFT, Tile, measured
from .grouping import NONE, Compared, Verdict, decide
from .hamming import Pairs, near_pairs
from .reading import Reader
from .verification import compare, same

FEWEST = 8  # pictures, below which there is nothing to learn a hash from
SAMPLE = 10_000  # pictures the hash is trained on at most: 120 MB
STREAM_SAMPLE = 901
FLIPPED = 5  # flipped pictures for each planted copy: what is rare needs more of them
NAMED = 5  # broken pictures told by name


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of :func:`ganlab_dedup.dedup`, which explains them."""

    radius: int
    similarity: float
    steps: int
    planted: int
    skip_broken: bool
    seed: int


def investigate(images: Images, choices: Choices) -> Result:
    """Run the de-duplication; see :func:`ganlab_dedup.dedup`."""
    if len(images) < FEWEST:
        raise GanlabError(
            f"{images.spec} holds {len(images)} pictures, too few to learn a hash from.", f"Give at least {FEWEST}."
        )
    _check_names(images)
    reader = Reader(images, choices.skip_broken)
    hasher = train(_sample(reader, choices.seed), choices.steps, choices.seed)
    hashes, copy_of = _hash_all(reader, hasher)
    verdict, compared = _decide(reader, hashes, copy_of, choices)
    result = _counts(images, hashes, copy_of, compared, verdict)
    result.files |= _lists(images, verdict)
    result.arrays |= {"keeper": verdict.keeper, "hashes": hashes[:, 0]}
    _show_groups(result, verdict, reader)
    _show_rejected(result, compared, verdict, reader)
    if len(verdict.kept) > 1:
        searched = Searched(reader, hasher, hashes, verdict.keeper, verdict.exact, choices.radius, choices.similarity)
        checks.report(
            result,
            plant(searched, choices.planted, choices.seed),
            flip(searched, FLIPPED * choices.planted, choices.planted, choices.seed),
            verdict,
            searched,
        )
    else:
        result.notes.append("All pictures are one: there are no different ones to try the search on.")
    if reader.broken:
        named = few((images.name(row) for row in sorted(reader.broken)), NAMED)
        result.notes.append(f"Left out {len(reader.broken)} of {len(images)} pictures that do not decode: {named}.")
    return result


def _check_names(images: Images) -> None:
    """Whether keep.txt can hold these names: a line each, no two alike."""
    seen: set[str] = set()
    for row in range(len(images)):
        name = images.name(row)
        if "\n" in name or "\r" in name:
            raise GanlabError(f"The name {name!r} holds a line break, so that no list can hold it.", "Rename the file.")
        if name in seen:
            raise GanlabError(
                f"Two pictures of {images.spec} are called {name!r}, so that no list can tell them apart.",
                "Give them names of their own.",
            )
        seen.add(name)


def _sample(reader: Reader, seed: int) -> np.ndarray:
    """Pictures drawn at random to train on, (k, 64, 64, 3) uint8."""
    rows = np.sort(shuffled(len(reader.images), seed, STREAM_SAMPLE)[:SAMPLE])
    batches = list(reader.batches(rows, "reading pictures to train on"))
    if sum(len(read) for read, _ in batches) < FEWEST:
        raise GanlabError(f"Hardly a picture of {reader.images.spec} can be read.", "Look at the data.")
    read, pictures = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    reader.memory = dict(zip(read.tolist(), pictures, strict=True))
    return pictures


def _hash_all(reader: Reader, hasher: Hasher) -> tuple[np.ndarray, np.ndarray]:
    """Hashes (n, views, 2) uint64, and for each picture the first that equals it, -1 for a broken one; (n,) int64."""
    count = len(reader.images)
    hashes = np.zeros((count, len(VIEWS), 2), np.uint64)
    copy_of, twins = np.full(count, NONE), Twins()
    for rows, pictures in reader.batches(np.arange(count), "hashing"):
        hashes[rows] = hasher.hashes(pictures)
        copy_of[rows] = twins.remember(pictures, rows)
    return hashes, copy_of


def _decide(reader: Reader, hashes: np.ndarray, copy_of: np.ndarray, choices: Choices) -> tuple[Verdict, Compared]:
    """Search, compare, decide. Exact copies are left out of the search: what becomes of one becomes of all."""
    firsts = np.flatnonzero(copy_of == np.arange(len(copy_of)))
    near = near_pairs(hashes[firsts], choices.radius)
    pairs = Pairs(firsts[near.first], firsts[near.second], near.distance)

    def look(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        similarity, difference = compare(reader.pictures(first), reader.pictures(second))
        return similarity, same(similarity, difference, choices.similarity)

    return decide(copy_of, pairs, look)


def _counts(images: Images, hashes: np.ndarray, copy_of: np.ndarray, compared: Compared, verdict: Verdict) -> Result:
    kept, dropped, groups = verdict.kept, verdict.dropped, verdict.groups()
    total = len(kept) + len(dropped)
    exact = int(verdict.exact.sum())
    usable = np.flatnonzero(copy_of != NONE)
    equal = len(usable) - len(np.unique(hashes[usable, 0], axis=0))
    result = Result(
        f"{len(dropped)} of {total} pictures in {images.spec} are near-duplicates of others ({exact} of them exact "
        f"copies); {len(kept)} are kept."
    )
    counted = "a count; recall_planted and dropped_by_mistake say how far to trust it"
    result.metrics |= {
        "kept": Metric(len(kept), n=total, no_control=counted, about="pictures in keep.txt"),
        "dropped": Metric(
            len(dropped),
            n=total,
            control="dropped_by_mistake" if len(kept) > 1 else None,
            no_control=None if len(kept) > 1 else "all pictures are one",
            about="near-duplicates of a kept picture",
        ),
        "exact_copies": Metric(exact, n=total, no_control="equal pixels", about="of them equal pixel by pixel"),
        "groups": Metric(len(groups), n=total, no_control=counted, about="pictures that are there more than once"),
        "equal_hashes": Metric(
            equal, n=total, control="dropped", about="pictures the paper drops: their hash equals an earlier one's"
        ),
    }
    at_zero = compared.pairs.distance == 0
    if len(at_zero):
        result.metrics["compared_same"] = Metric.of_share(
            compared.same,
            no_control="it describes the search; figure rejected shows the others",
            about="compared pairs that are confirmed; exact copies are not compared",
        )
    if at_zero.any():
        confirmed = compared.same[at_zero]
        result.metrics["equal_hashes_same"] = Metric.of_share(
            confirmed,
            control="compared_same",
            about="of them those with equal hashes that are confirmed",
        )
    if groups:
        result.tables["groups"] = _largest(images, groups)
    return result


def _largest(images: Images, groups: list[list[int]]) -> Table:
    largest = sorted(groups, key=len, reverse=True)[:20]
    return Table(
        ["kept", "pictures", "dropped"],
        [[images.name(group[0]), len(group), ", ".join(images.name(row) for row in group[1:6])] for group in largest],
        "The largest groups, up to five dropped pictures of each; dropped.csv has all.",
    )


def _lists(images: Images, verdict: Verdict) -> dict[str, bytes]:
    """keep.txt: the names of the pictures to keep, in order, one a line. dropped.csv: every other, and why."""
    names = [images.name(int(row)) for row in verdict.kept]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["dropped", "kept", "similarity", "bits", "exact copy"])
    for row in verdict.dropped:
        pair = (images.name(int(row)), images.name(int(verdict.keeper[row])))
        measures = (f"{verdict.similarity[row]:.4f}", int(verdict.distance[row]))
        writer.writerow([*pair, *measures, "yes" if verdict.exact[row] else "no"])
    return {
        "keep.txt": ("\n".join(names) + "\n").encode("utf-8"),
        "dropped.csv": table.getvalue().encode("utf-8"),
    }


def _show_groups(result: Result, verdict: Verdict, reader: Reader) -> None:
    """The most doubtful groups first."""
    groups = verdict.groups()
    doubtful = sorted(groups, key=lambda group: float(np.min(verdict.similarity[group[1:]])))
    name = reader.images.name
    shown = []
    for group in doubtful[: figures.GROUPS]:
        tiles = [Tile(reader.picture(group[0]), name(group[0]), "kept", KEPT)]
        for row in group[1 : figures.MEMBERS]:
            words = measured(verdict.similarity[row], int(verdict.distance[row]))
            tiles.append(Tile(reader.picture(row), name(row), words, DROPPED))
        shown.append(tiles)
    if shown:
        result.figures["groups"] = figures.groups(shown, len(groups))


def _show_rejected(result: Result, compared: Compared, verdict: Verdict, reader: Reader) -> None:
    """The most alike of those refused, where the two are not in one group after all."""
    pairs, keeper = compared.pairs, verdict.keeper
    refused = np.flatnonzero(~compared.same & (keeper[pairs.first] != keeper[pairs.second]))
    most_alike = refused[np.argsort(-compared.similarity[refused], kind="stable")][: figures.GROUPS]
    shown = []
    for pair in most_alike:
        first, second = int(pairs.first[pair]), int(pairs.second[pair])
        words = measured(compared.similarity[pair], int(pairs.distance[pair]))
        tiles = [(first, ""), (second, words)]
        shown.append([Tile(reader.picture(row), reader.images.name(row), words, SOFT) for row, words in tiles])
    if shown:
        result.figures["rejected"] = figures.rejected(shown, len(refused))
