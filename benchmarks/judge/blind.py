"""Is the judge right? Blind labels by eye on original, dropped and randomly dropped samples, against the labeler.

    python benchmarks/judge/blind.py sheets FOLDER --round 1   # 300 samples in random order, numbered, 30 on a sheet
    python benchmarks/judge/blind.py score                     # compare what was seen with the labeler
    python benchmarks/judge/blind.py sheets FOLDER --gan bedrooms-64 --layer up32   # the same for another GAN
    python benchmarks/judge/blind.py score --gan bedrooms-64

Every round has 300 samples of its own. Whoever labels sees the sheets only. Which sample is of which kind follows from
the round alone and is worked out again when scoring; the three kinds are drawn from different z, so that no picture
gives another away. Beside the sheets lies a windows-GAN.json that says which filters were dropped; what each observer
saw goes into its last round, one character a sample: 1 for a window, 0 for none, ? for "cannot say". What most of
them saw is what the labeler is held to; where exactly half saw a window there is nothing to hold it to. Nobody can
agree better with observers than they do among themselves: so two of them are compared too, and the labeler where all
say the same.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sheets import write_numbered

from ganlab import Gan, Labeler, Metric, load_gan, shuffled
from ganlab_probe import probe
from ganlab_probe.bench import pictures_without, random_filters

HERE = Path(__file__).parent
KINDS = ("original", "dropped", "random drop")
EACH = 100  # samples of a kind
FIRST = 4_000_000  # index of the first sample of a round: nothing else is drawn from here on
RANDOM_DRAWS = 20  # the samples with random drops share these sets of filters
ACROSS = 6
REPEATED = 4000  # draws of samples that an interval is taken from
STREAM_SHOWN = 4077  # of the order in which samples are shown
VOTES = {"1": 1.0, "0": 0.0, "?": 0.5}


@dataclass(frozen=True)
class Looked:
    """Samples of a round: the kind (n,) of each, the labeler's verdict (n,), the observers' votes (observers, n)."""

    kinds: np.ndarray
    judged: np.ndarray
    observers: np.ndarray

    def where(self, rows: np.ndarray) -> Looked:
        return Looked(self.kinds[rows], self.judged[rows], self.observers[:, rows])

    def of_kind(self, kind: int) -> Looked:
        return self.where(self.kinds == kind)

    def decided(self) -> Looked:
        """Those on which more observers say one thing than the other."""
        return self.where(self.observers.mean(0) != 0.5)

    @property
    def most(self) -> np.ndarray:
        """Whether more than half of the observers saw a window, (n,)."""
        return self.observers.mean(0) > 0.5

    @property
    def agrees(self) -> np.ndarray:
        """Whether the labeler says what most observers say, (n,)."""
        return self.judged == self.most

    @property
    def clear(self) -> np.ndarray:
        """Whether all observers saw the same, (n,)."""
        return np.isin(self.observers.mean(0), (0, 1))


def draw(gan: Gan, layer: str, filters: np.ndarray, number: int) -> tuple[torch.Tensor, np.ndarray]:
    """The samples (300, c, h, w) of a round in the order they are shown, and the kind (300,) of each."""
    maps = next(known.shape[0] for known in gan.hidden_layers() if known.name == layer)
    original, dropped, randomly = (
        gan.latents(EACH, seed=number, first=FIRST + EACH * kind) for kind in range(len(KINDS))
    )
    by_chance = random_filters(maps, len(filters), RANDOM_DRAWS, number)
    share = EACH // RANDOM_DRAWS
    parts = [gan.generate(original), pictures_without(gan, layer, dropped, filters)]
    for place, chosen in enumerate(by_chance):
        parts.append(pictures_without(gan, layer, randomly[place * share : (place + 1) * share], chosen))
    images, kinds = torch.cat(parts), np.repeat(np.arange(len(KINDS)), EACH)
    order = shuffled(len(images), number, STREAM_SHOWN)
    return images[order], kinds[order]


def write_sheets(gan: Gan, layer: str, folder: Path, number: int) -> None:
    """Numbered sheets of a round's samples, enlarged, and the file of what was seen, with a round to fill in."""
    labels = _labels_of(gan)
    known = _document(gan) if labels.exists() else {}
    filters = probe(gan, "window", layer=layer, seed=0).arrays["filters"].tolist()
    document = {"checkpoint": gan.hash, "layer": layer, "filters": filters, "rounds": []} | known
    if number < len(document["rounds"]):
        raise SystemExit(f"Round {number} has been labelled; the next is {len(document['rounds'])}.")
    images = gan.image.to_uint8(draw(gan, document["layer"], np.array(document["filters"]), number)[0])
    write_numbered(images, folder, ACROSS)
    document["rounds"].append({})
    (folder / labels.name).write_text(json.dumps(document) + "\n")


def score(gan: Gan, labeler: Labeler) -> None:
    """Print how often labeler and observers agree, round by round and kind by kind, and what the drop did."""
    document = _document(gan)
    rounds = []
    for number, labels in enumerate(document["rounds"]):
        if any(len(text) != EACH * len(KINDS) for text in labels.values()):
            raise SystemExit(f"Round {number} needs a sign for each of the {EACH * len(KINDS)} samples.")
        images, kinds = draw(gan, document["layer"], np.array(document["filters"]), number)
        judged = labeler.shows(images, gan.image)[:, labeler.column("window")]
        rounds.append(Looked(kinds, judged, np.array([[VOTES[sign] for sign in text] for text in labels.values()])))
    for number, looked in enumerate(rounds):
        print(f"round {number}, {len(looked.observers)} observers")
        for kind, name in enumerate(KINDS):
            _report(name, looked.of_kind(kind))
    print("all rounds")
    for kind, name in enumerate(KINDS):
        _report_all(name, [looked.of_kind(kind) for looked in rounds])
    before, dropped, randomly = (
        np.concatenate([looked.of_kind(kind).most for looked in rounds]) for kind in range(len(KINDS))
    )
    print(f"  by eye {_gone(before, dropped)} of the windows are gone, {_gone(before, randomly)} with random drops")


def _labels_of(gan: Gan) -> Path:
    return HERE / f"windows-{gan.name}.json"


def _document(gan: Gan) -> dict[str, Any]:
    document = json.loads(_labels_of(gan).read_text())
    if document["checkpoint"] != gan.hash:
        raise SystemExit(f"The labels were given on {document['checkpoint']}, but {gan.name} is {gan.hash}.")
    return dict(document)


def _report(name: str, looked: Looked) -> None:
    pairs = [1 - np.abs(one - other).mean() for one, other in combinations(looked.observers, 2)]
    n, by_eye, counted = len(looked.kinds), looked.most.mean(), looked.judged.mean()
    print(
        f"  {name}: {n} samples, two observers agree on {np.mean(pairs):.0%}; a window in {by_eye:.0%} by eye, ", end=""
    )
    print(f"in {counted:.0%} by the labeler")
    sure = looked.decided()
    alone, passed = np.sum(sure.judged & ~sure.most), np.sum(~sure.judged & sure.most)
    print(
        f"    on {len(sure.kinds)} most observers say the same; the labeler agrees on {_interval(sure.agrees)}: ",
        end="",
    )
    print(f"it sees {alone} that most do not, and passes over {passed}")
    print(f"    on {looked.clear.sum()} all do; there it agrees on {looked.agrees[looked.clear].mean():.0%}")


def _report_all(name: str, rounds: list[Looked]) -> None:
    by_eye, counted = (np.mean([getattr(looked, what).mean() for looked in rounds]) for what in ("most", "judged"))
    decided = np.concatenate([looked.decided().agrees for looked in rounds])
    clear = np.concatenate([looked.agrees[looked.clear] for looked in rounds])
    print(
        f"  {name}: a window in {by_eye:.0%} by eye, in {counted:.0%} by the labeler; it agrees with most observers ",
        end="",
    )
    print(f"on {_interval(decided)} of {len(decided)}, on {clear.mean():.1%} of the {len(clear)} on which all do")


def _gone(before: np.ndarray, after: np.ndarray) -> str:
    """Which part of the windows is gone, and where it lies in 95% of draws of as many samples from these."""
    rng = np.random.default_rng(0)
    shares = [rng.choice(kind, (REPEATED, len(kind))).mean(1) for kind in (before, after)]
    low, high = np.quantile(1 - shares[1] / shares[0], (0.025, 0.975))
    return f"{1 - after.mean() / before.mean():.0%} [{low:.0%}, {high:.0%}]"


def _interval(agree: np.ndarray) -> str:
    share = Metric.of_share(agree)
    return f"{share.value:.1%} [{share.low:.0%}, {share.high:.0%}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sheets", "score"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--round", type=int, default=0, help="which 300 samples to write")
    parser.add_argument("--gan", default="rooms-64")
    parser.add_argument("--layer", default="up8", help="whose filters are dropped")
    arguments = parser.parse_args()
    gan = load_gan(arguments.gan)
    labeler = Labeler.of_checkpoint(gan)
    if labeler is None:
        parser.error(f"the card of {gan.name} names no labeler")
    if arguments.what == "score":
        score(gan, labeler)
    elif arguments.folder is None:
        parser.error("sheets need a FOLDER")
    else:
        write_sheets(gan, arguments.layer, arguments.folder, arguments.round)


if __name__ == "__main__":
    main()
