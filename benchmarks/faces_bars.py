"""What arithmetic and turn must reach on faces, beside what they reach.

    python benchmarks/faces_bars.py [--gan faces-64] [--draws 400] [--n 200]

Both equations of the paper over random draws of exemplars, and the turn from left to right with 64 + 64 exemplars, as
it is and cleaned of the other attributes.
"""

from __future__ import annotations

import argparse
import time

from ganlab import Gan, load_gan
from ganlab_arithmetic import arithmetic
from ganlab_turn import turn

EQUATIONS = ("smiling_woman - neutral_woman + neutral_man", "man_with_glasses - man + woman")


def solve(gan: Gan, equation: str, draws: int) -> None:
    value = {name: metric.value for name, metric in arithmetic(gan, equation, draws=draws).metrics.items()}
    five, three, one, pixels = (
        100 * value[name] for name in ("success_5", "success_3", "success_1", "success_5_pixels")
    )
    print(f"{equation}: five exemplars {five:.0f}% (bar 80), three less one {three - one:.0f} points (bar 15),")
    print(f"  pixels {pixels:.0f}% (bar: below {five:.0f}), plain samples {100 * value['plain_samples']:.0f}%")


def turn_heads(gan: Gan, n: int, clean: bool) -> None:
    result = turn(gan, "left", "right", by="yaw", n=n, clean=clean)
    value = {name: metric.value for name, metric in result.metrics.items()}
    kept = {
        name.removeprefix("kept_"): 100 * number
        for name, number in value.items()
        if name.startswith("kept_") and not name.endswith("_random") and "_and_" not in name
    }
    print(f"left to right{', cleaned' if clean else ''}: steady {100 * value['steady']:.0f}% (bar 95), correlation")
    print(f"  {value['correlation']:.3f} (bar 0.95; over all {value['correlation_all']:.3f}), kept (bar 90 each):")
    print("  " + ", ".join(f"{name} {number:.0f}%" for name, number in kept.items()))
    print(f"  4 + 4: steady {100 * value['steady_4_and_4']:.0f}%, correlation {value['correlation_4_and_4']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gan", default="faces-64")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--n", type=int, default=200)
    options = parser.parse_args()
    gan, began = load_gan(options.gan), time.perf_counter()
    for equation in EQUATIONS:
        solve(gan, equation, options.draws)
    for clean in (False, True):
        turn_heads(gan, options.n, clean)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
