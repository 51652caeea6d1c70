"""Is the judge of faces right? Blind labels by eye on generated faces, against the labeler.

    python benchmarks/judge/blind_faces.py sheets FOLDER   # 100 samples of faces-64, numbered, 25 on a sheet
    python benchmarks/judge/blind_faces.py score           # compare faces.json with the labeler

Whoever labels sees the sheets only. For each observer faces.json holds a text a concept, one character a sample: 1 for
yes, 0 for no; ``facing`` holds l, r or c, for where the face turns in the picture, c where it looks straight ahead; u
where an observer cannot say, which counts neither way.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from sheets import write_numbered

from ganlab import Gan, Labeler, Metric, load_gan

ANSWERS = {"1": 1.0, "0": 0.0, "u": np.nan, "l": -1.0, "c": 0.0, "r": 1.0}
LABELS = Path(__file__).with_name("faces.json")
SAMPLES, SEED, FIRST = 100, 0, 4_000_000
ACROSS = 5
STRAIGHT = 0.25  # measured turns up to this, either way, may as well be called straight
# What the sums of the paper's two equations are to show.
EQUATIONS = {
    "smiling man": {"smile": True, "woman": False},
    "woman with glasses": {"glasses": True, "woman": True},
}


@dataclass(frozen=True)
class Looked:
    """Answers about the samples: the observers' (observers, concepts, n), NaN for "cannot say", the labeler's bool."""

    concepts: tuple[str, ...]
    seen: np.ndarray
    judged: np.ndarray  # (concepts, n)

    def of(self, concepts: tuple[str, ...]) -> Looked:
        """What was said of these alone, in this order."""
        rows = [self.concepts.index(concept) for concept in concepts]
        return Looked(concepts, self.seen[:, rows], self.judged[rows])

    @property
    def most(self) -> np.ndarray:
        """Whether more than half of those who could say said yes, bool (concepts, n)."""
        return np.nanmean(self.seen, axis=0) > 0.5

    @property
    def agrees(self) -> np.ndarray:
        """Whether the labeler says what most observers say, bool (concepts, n)."""
        return self.judged == self.most


def write_sheets(gan: Gan, folder: Path) -> None:
    """Numbered sheets of the samples, enlarged, and a faces.json to fill in."""
    images = gan.image.to_uint8(gan.generate(gan.latents(SAMPLES, seed=SEED, first=FIRST)))
    write_numbered(images, folder, ACROSS)
    (folder / LABELS.name).write_text(json.dumps({"checkpoint": gan.hash, "labels": {}}) + "\n")


def score(gan: Gan, labeler: Labeler) -> None:
    """Print how often labeler and observers agree, concept by concept and on several at once."""
    document = json.loads(LABELS.read_text())
    if document["checkpoint"] != gan.hash:
        raise SystemExit(f"The labels were given on {document['checkpoint']}, but {gan.name} is {gan.hash}.")
    images = gan.generate(gan.latents(SAMPLES, seed=SEED, first=FIRST))
    observers = document["labels"]
    seen = np.array([[_numbers(texts[concept]) for concept in labeler.concepts] for texts in observers.values()])
    shows, measures = labeler.shows_and_measure(images, gan.image)
    looked = Looked(labeler.concepts, seen, shows.T)
    for column, concept in enumerate(looked.concepts):
        most = looked.most[column]
        told = dict(zip(observers, seen[:, column], strict=True)) | {"the labeler": looked.judged[column].astype(float)}
        for name, answers in told.items():
            answered = ~np.isnan(answers)
            agree = _interval(answers[answered] == most[answered])
            print(f"{concept:8} {name:12} agrees on {agree}; yes {np.nanmean(answers):.0%}, most {most.mean():.0%}")
        print(f"{concept:8} two observers agree on {_range(pairs(seen[:, [column]]))}")
    yaw = measures[:, labeler.measures.index("yaw")]
    facing = np.array([_numbers(texts["facing"]) for texts in observers.values()])
    for name, sides in zip(observers, facing, strict=True):
        print(f"facing   {name:12} the labeler's yaw fits on {fits(sides, yaw).mean():.0%}")
    print(f"facing   two observers agree on {_range(pairs(facing[:, None]))}")
    _report_jointly(looked)


def pairs(seen: np.ndarray) -> list[float]:
    """How often each two of the observers say the same of all concepts, where both say something of each.

    Args:
        seen: answers (observers, concepts, n), NaN where somebody cannot say.
    """
    shares = []
    for one, other in combinations(seen, 2):
        answered = ~np.isnan(one + other).any(0)
        shares.append(float((one == other).all(0)[answered].mean()))
    return shares


def fits(sides: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Whether measured turns agree with what an observer said of them (n,), of those where they could say."""
    told = ~np.isnan(sides)
    sides, turn = sides[told], yaw[told]
    return np.where(sides == 0, np.abs(turn) <= STRAIGHT, (np.sign(turn) == sides) | (np.abs(turn) <= STRAIGHT / 2))


def _report_jointly(looked: Looked) -> None:
    """An equation is solved where several concepts are right in one picture: errors of the judge add up."""
    for concepts in (*(tuple(wanted) for wanted in EQUATIONS.values()), looked.concepts):
        part = looked.of(concepts)
        print(f"{', '.join(concepts)} at once: the labeler agrees on {_interval(part.agrees.all(0))}, ", end="")
        print(f"two observers on {_range(pairs(part.seen))}")
    for name, wanted in EQUATIONS.items():
        part, values = looked.of(tuple(wanted)), np.array(list(wanted.values()))[:, None]
        by_eye, counted = ((said == values).all(0) for said in (part.most, part.judged))
        print(f"{name}: {by_eye.sum()} by eye, of which the labeler finds {(by_eye & counted).sum()}; ", end="")
        print(f"of the {(~by_eye).sum()} others it takes {(counted & ~by_eye).sum()} for one")


def _numbers(text: str) -> list[float]:
    return [ANSWERS[sign] for sign in text]


def _interval(agree: np.ndarray) -> str:
    share = Metric.of_share(agree)
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _range(shares: list[float]) -> str:
    return f"{min(shares):.0%} to {max(shares):.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sheets", "score"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--gan", default="faces-64")
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
        write_sheets(gan, arguments.folder)


if __name__ == "__main__":
    main()
