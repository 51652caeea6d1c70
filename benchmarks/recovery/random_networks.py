"""How many random GANs are recovered from state dicts whose keys say nothing.

    python benchmarks/recovery/random_networks.py [--count 200] [--first 0] [--steps 60] [--judges]

Each is drawn by lot (transposed convolutions, upsampling, a matrix first, matrices only, classes; kernels, activations,
priors, ranges, sizes), trained for some steps so that its norms remember something, and stripped. Recovered means that
for the same z the pictures are equal within 1/255, at once or after stating what the card says the file leaves open;
refused means an error in words; wrong in silence is all else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from recovery_kit import RandomGan, latents, random_gan, scrambled

from ganlab import Gan, GanlabError, Hints
from ganlab.recovery.parts import parts_of
from ganlab.recovery.recover import recover
from ganlab.recovery.stored import Stored, StoredNetwork


def verdict(made: RandomGan, seed: int, judges: bool) -> tuple[str, str]:
    """ "recovered", "recovered, open stated", "refused" or "wrong", and the reason or what differs."""
    state = scrambled(made.generator.state_dict(), seed, wholly=seed % 3 == 0)
    networks = [StoredNetwork("g", parts_of(state))]
    if judges:
        networks.append(
            StoredNetwork("d", parts_of(scrambled(made.discriminator.state_dict(), seed + 1, wholly=False)))
        )
    stored = Stored(tuple(networks), "pytorch")
    try:
        gan = recover(stored, "random")
    except GanlabError as error:
        return "refused", str(error)
    if _equal(gan, made):
        return "recovered", ""
    told = {one["what"]: one["chosen"] for one in gan.card.facts["decisions"] if not one["certain"]}
    hints: dict[str, Any] = {}
    if any(what.startswith("activation after") for what in told):
        hints["activation"] = made.truth["activation"]
    if any(what.startswith("eps") for what in told):
        norms = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
        hints["eps"] = next(layer.eps for layer in made.generator.modules() if isinstance(layer, norms))
    if any(what.startswith("geometry") for what in told):
        hints["image_size"] = made.truth["size"]
        modes = [layer.mode for layer in made.generator.modules() if isinstance(layer, torch.nn.Upsample)]
        hints["upsampling"] = ",".join(modes) or None
    if "last activation of the generator" in told:
        hints["output"] = made.truth["output"]
    if "prior of z" in told:
        hints["z"] = made.truth["z"]
    try:
        if hints and _equal(recover(stored, "random", Hints(**hints)), made):
            return "recovered, open stated", ", ".join(hints)
    except GanlabError as error:
        return "refused", str(error)
    return "wrong", f"{made.truth} became {gan}: " + "; ".join(
        f"{one['what']} {one['chosen']}{'' if one['certain'] else ' (?)'}" for one in gan.card.facts["decisions"]
    )


def _equal(gan: Gan, made: RandomGan) -> bool:
    torch.manual_seed(1)
    truth = made.truth
    if gan.prior.dim != truth["z_dim"] or gan.prior.law != truth["z"] or gan.image.size != truth["size"]:
        return False
    z = latents(truth["z"], 8, truth["z_dim"])
    labels = None if truth["classes"] is None else torch.arange(8)
    if (gan.classes is None) != (labels is None):
        return False
    with torch.no_grad():
        ours = gan.generator(z) if labels is None else gan.generator(z, labels)
    theirs = made.pictures(z, labels)
    return ours.shape == theirs.shape and bool(
        (ours - theirs).abs().max() * (0.5 if truth["output"] == "tanh" else 1) <= 1 / 255
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--judges", action="store_true", help="the discriminators are stored beside the generators")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    seconds = 0.0
    for seed in range(arguments.first, arguments.first + arguments.count):
        made = random_gan(seed, arguments.steps)
        began = time.perf_counter()
        outcome, why = verdict(made, seed, arguments.judges)
        seconds += time.perf_counter() - began
        counts[outcome] += 1
        if outcome in ("refused", "wrong"):
            print(f"{seed} {made.truth['kind']}: {outcome}: {why}", flush=True)
    for outcome, count in counts.most_common():
        print(f"{outcome:24} {count:4} ({count / arguments.count:.0%})")
    print(f"{seconds / arguments.count:.1f} s each")


if __name__ == "__main__":
    main()
