"""The headline over ten seeds with default options, what else changes, and the worst of them.

    python benchmarks/probe_seeds.py [--gan rooms-64] [--concept windows] [--seeds 10]

A seed changes the negatives, the folds, the fresh samples and the random filters; the boxes are the checkpoint's own.
"""

from __future__ import annotations

import argparse
import time

from ganlab import load_gan
from ganlab_probe import probe


def row(gan_name: str, concept: str, seed: int) -> dict[str, float]:
    """The figures of one seed: shares and removals from 0 to 1; in points the gap and what else is lost.

    "Lost" is how far the share of samples that show another concept falls below what as many random filters leave.
    """
    began = time.perf_counter()
    result = probe(load_gan(gan_name), concept, drop=True, seed=seed)
    value = {name: metric.value for name, metric in result.metrics.items()}
    ends = [name.removeprefix("side_effect_") for name in value if name.startswith("side_effect_")]
    others = [name for name in ends if not name.endswith("_random")]
    return {
        "before": value["share_before"],
        "after": value["share_after"],
        "random": value["share_after_random"],
        "gone": 1 - value["share_after"] / value["share_before"],
        "gap": 100 * (value["share_after_random"] - value["share_after"]),
        **{f"{other}s lost": value[f"side_effect_{other}_random"] - value[f"side_effect_{other}"] for other in others},
        "for 90": value.get("filters_for_90", float("nan")),
        "they remove": value.get("filters_for_90_removed", float("nan")),
        "as many random": value.get("filters_for_90_removed_at_random", float("nan")),
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gan", default="rooms-64")
    parser.add_argument("--concept", default="windows")
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    rows = []
    for seed in range(arguments.seeds):
        rows.append(row(arguments.gan, arguments.concept, seed))
        if seed == 0:
            print("seed  " + "  ".join(f"{name:>14}" for name in rows[0]))
        print(f"{seed:4}  " + "  ".join(f"{number:14.3f}" for number in rows[-1].values()), flush=True)
    worst = {
        "gone": min,
        "gap": min,
        "for 90": max,
        "they remove": min,
        "as many random": max,
        "seconds": max,
    }
    worst |= {name: max for name in rows[0] if name.endswith(" lost")}
    cells = [f"{worst[name](one[name] for one in rows):14.3f}" if name in worst else " " * 14 for name in rows[0]]
    print("worst " + "  ".join(cells))


if __name__ == "__main__":
    main()
