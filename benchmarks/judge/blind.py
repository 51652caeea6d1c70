"""Is the judge right? Blind labels by eye on original, dropped and randomly dropped samples, against the labeler.

    python benchmarks/judge/blind.py sheets FOLDER   # 300 samples in random order, numbered, 30 on a sheet
    python benchmarks/judge/blind.py score           # compare labels.json with the labeler

Whoever labels sees the sheets only. Which sample is of which kind follows from the seed alone and is worked out again
when scoring; the three kinds are drawn from different z, so that no picture gives another away. Beside the sheets lies
a labels.json that says which filters were dropped; what each person saw goes into it, one character a sample: 1 for
a window, 0 for none, ? for "cannot say". What most people saw is what the labeler is held to. Nobody can agree better
with people than they do among themselves: so two people are compared too, and the labeler where all say the same.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from sheets import write_numbered

from ganlab import Gan, Labeler, Metric, load_gan, random_bits
from ganlab_probe import probe
from ganlab_probe.dropping import pictures_without, random_filters

HERE = Path(__file__).parent
LABELS = HERE / "labels.json"
KINDS = ("original", "dropped", "random drop")
EACH = 100  # samples of a kind
FIRST = 4_000_000  # index of the first sample: nothing else is drawn from here on
RANDOM_DRAWS = 20  # the samples with random drops share these sets of filters
SEED, ACROSS = 0, 6
VOTES = {"1": 1.0, "0": 0.0, "?": 0.5}


def draw(gan: Gan, layer: str, filters: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """The samples (300, c, h, w) in the order they are shown, and the kind (300,) of each."""
    maps = next(known.shape[0] for known in gan.hidden_layers() if known.name == layer)
    original, dropped, randomly = (
        gan.latents(EACH, seed=SEED, first=FIRST + EACH * kind) for kind in range(len(KINDS))
    )
    by_chance = random_filters(maps, len(filters), RANDOM_DRAWS, SEED)
    share = EACH // RANDOM_DRAWS
    parts = [gan.generate(original), pictures_without(gan, layer, dropped, filters)]
    for number, chosen in enumerate(by_chance):
        parts.append(pictures_without(gan, layer, randomly[number * share : (number + 1) * share], chosen))
    images, kinds = torch.cat(parts), np.repeat(np.arange(len(KINDS)), EACH)
    order = np.argsort(random_bits(SEED, np.arange(len(images)), 1, stream=4077)[:, 0], kind="stable")
    return images[order], kinds[order]


def write_sheets(gan: Gan, layer: str, folder: Path) -> None:
    """Numbered sheets of the samples, enlarged, and a labels.json to fill in."""
    filters = probe(gan, "window", layer=layer, seed=SEED).arrays["filters"]
    images = gan.image.to_uint8(draw(gan, layer, filters)[0])
    write_numbered(images, folder, ACROSS)
    document = {"checkpoint": gan.hash, "layer": layer, "filters": filters.tolist(), "labels": {}}
    (folder / LABELS.name).write_text(json.dumps(document) + "\n")


def score(gan: Gan, labeler: Labeler) -> None:
    """Print how often labeler and people agree, kind by kind, and what the people say of the drop itself."""
    document = json.loads(LABELS.read_text())
    if document["checkpoint"] != gan.hash:
        raise SystemExit(f"The labels were given on {document['checkpoint']}, but {gan.name} is {gan.hash}.")
    images, kinds = draw(gan, document["layer"], np.array(document["filters"]))
    judged = labeler.shows(images, gan.image)[:, labeler.column("window")]
    people = np.array([[VOTES[sign] for sign in text] for text in document["labels"].values()])
    most = people.mean(0) > 0.5
    pairs = [1 - np.abs(one - other) for one, other in combinations(people, 2)]
    for kind, name in enumerate(KINDS):
        here = kinds == kind
        agree = Metric.of_share(judged[here] == most[here])
        alone, passed = np.sum(judged[here] & ~most[here]), np.sum(~judged[here] & most[here])
        clear = here & np.isin(people.mean(0), (0, 1))
        among = np.mean([pair[here].mean() for pair in pairs])
        print(f"{name}: {here.sum()} samples, two people agree on {among:.0%}")
        print(f"  a window in {most[here].mean():.0%} by eye, in {judged[here].mean():.0%} by the labeler, ", end="")
        print(f"which sees {alone} that most people do not and passes over {passed}")
        print(f"  it agrees with most people on {agree.value:.0%} [{agree.low:.0%}, {agree.high:.0%}], ", end="")
        print(f"on {(judged == most)[clear].mean():.0%} of the {clear.sum()} on which all people agree")
    before, after = (most[kinds == kind].mean() for kind in (0, 1))
    print(f"by eye {1 - after / before:.0%} of the windows are gone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sheets", "score"])
    parser.add_argument("folder", nargs="?", type=Path)
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
        write_sheets(gan, arguments.layer, arguments.folder)


if __name__ == "__main__":
    main()
