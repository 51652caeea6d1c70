"""What arithmetic and turn were to reach on faces, beside what they reach and what controls do.

    python benchmarks/faces_bars.py [--gan faces-64] [--draws 400] [--n 200]

Both equations of the paper over random draws of exemplars, of clear ones and of any, and the turn from left to right
with 64 + 64 exemplars, as it is and cleaned of the other attributes, and with the four at each end of the paper.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

from ganlab import Gan, Metric, load_gan
from ganlab_arithmetic import arithmetic
from ganlab_turn import turn

EQUATIONS = ("smiling_woman - neutral_woman + neutral_man", "man_with_glasses - man + woman")
SOLVED, MORE_BY_THREE = 0.80, 0.15  # of draws with five exemplars; by how much three exceed one
STEADY, CORRELATION, KEPT = 0.95, 0.95, 0.90


def solve(gan: Gan, equation: str, draws: int, clear: bool) -> None:
    metrics = arithmetic(gan, equation, draws=draws, clear=clear).metrics
    five, pixels = metrics["success_5"], metrics["success_5_pixels"]
    more = metrics["success_3"].value - metrics["success_1"].value
    print(f"{equation}, {'clear exemplars' if clear else 'any exemplars'}")
    print(f"  five exemplars {share(five)}, {aim(five.value, SOLVED, '80%')}; ", end="")
    print(f"plain samples {share(metrics['plain_samples'])}")
    print(f"  three less one {100 * more:.1f} points, {aim(more, MORE_BY_THREE, '15')}")
    print(f"  pixels of the same five {share(pixels)}, aimed at less than five exemplars: ", end="")
    print("met" if pixels.value < five.value else "missed")
    whole, ghosts = metrics["passes_5"], metrics["passes_5_pixels"]
    print(f"  right and passing for a sample {share(whole)}, pixels {share(ghosts)}, aimed at less: ", end="")
    print("met" if ghosts.value < whole.value else "missed")


def turn_heads(gan: Gan, n: int, clean: bool) -> None:
    result = turn(gan, "left", "right", by="yaw", n=n, clean=clean)
    metrics = result.metrics
    print(f"left to right{', cleaned' if clean else ''}, each beside random directions")
    steady, correlation = metrics["steady"], metrics["correlation"]
    print(f"  steady {beside(metrics, 'steady')}, {aim(steady.value, STEADY, '95%')}")
    print(f"  correlation {correlation.value:.3f} beside {metrics['correlation_random'].value:.3f}, ", end="")
    print(f"{aim(correlation.value, CORRELATION, '0.95')}; over all {metrics['correlation_all'].value:.3f} ", end="")
    print(f"beside {metrics['correlation_all_random'].value:.3f}")
    for name, metric in metrics.items():
        if name.startswith("kept_") and metric.control and "_and_" not in name:
            aimed = "" if name == "kept_all" else f", {aim(metric.value, KEPT, '90%')}"
            print(f"  {name.replace('kept_', 'keeps ')} {beside(metrics, name)}{aimed}")
    lengths = {row[0]: row[1] for row in result.tables["directions"].rows if row[0] != "random"}
    fours, chance = metrics["correlation_4_and_4"], metrics["correlation_4_and_4_random"]
    print(f"  {list(lengths)[-1]}: steady {beside(metrics, 'steady_4_and_4')}, correlation {fours.value:.3f} ", end="")
    print(f"[{fours.low:.3f}, {fours.high:.3f}] beside {chance.value:.3f}, ", end="")
    print(f"keeps all {beside(metrics, 'kept_all_4_and_4')}")
    print("  lengths: " + ", ".join(f"{name} {length:.2f}" for name, length in lengths.items()))


def share(metric: Metric) -> str:
    return f"{100 * metric.value:.0f}% [{100 * metric.low:.0f}, {100 * metric.high:.0f}]"


def beside(metrics: Mapping[str, Metric], name: str) -> str:
    """A share and the same in random directions."""
    return f"{share(metrics[name])} beside {share(metrics[f'{name}_random'])}"


def aim(value: float, least: float, said: str) -> str:
    return f"aimed at {said}: {'met' if value >= least else 'missed'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gan", default="faces-64")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--n", type=int, default=200)
    options = parser.parse_args()
    gan, began = load_gan(options.gan), time.perf_counter()
    for equation in EQUATIONS:
        for clear in (True, False):
            solve(gan, equation, options.draws, clear)
    for clean in (False, True):
        turn_heads(gan, options.n, clean)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
