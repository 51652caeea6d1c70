"""How good the networks of ganlab's training are beside the reference loop's after equally many images.

    python benchmarks/quality.py [--steps 250] [--seeds 3] [--rooms 6000] [--samples 2000] [--precision fp32]
        [--first-seed 0] [--device cpu]

Trains the same networks from the same prior (normal z) on the same drawn rooms in the same order, by
``reference_loop.py`` and by ganlab, and measures the KID (Bińkowski et al. 2018: the squared MMD, unbiased, of the
cubic polynomial kernel) between their samples and other drawn rooms, on features of the room labeler. Beside it, what
drawn rooms themselves get. ``difference X +- Y`` is over seeds: what is smaller than Y, so few of them do not show.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from reference_loop import Z_DIM, ReferenceLoop
from scipy import stats
from sklearn.metrics.pairwise import polynomial_kernel

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from ganlab import progress
from ganlab.imagespec import ImageSpec
from ganlab.networks import activations
from ganlab.networks.devices import choose_device, keep_freed_memory, set_gpu_arithmetic
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer
from ganlab_synthetic.labelers.pixels import as_seen
from ganlab_synthetic.rooms import draw_room
from ganlab_synthetic.rooms.labeler import RoomLabeler

BATCH = 128
SPEC = ImageSpec(64, 3)
LAYER = "at8"  # of the labeler: 96 maps of 8x8, the narrowest place it sees whole rooms through


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0, help="of those: several runs can share the work")
    parser.add_argument("--rooms", type=int, default=6_000, help="to train on, and other ones to compare with")
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--precision", default="fp32", help="of ganlab's steps; the reference has torch's own")
    parser.add_argument("--device", default="cpu", help="of both; what is drawn and the labeler stay on the CPU")
    options = parser.parse_args()
    device = choose_device(options.device)
    keep_freed_memory()
    rooms = draw(0, options.rooms)
    expected = features(SPEC.from_uint8(draw(500, options.samples)))
    others = features(SPEC.from_uint8(draw(501, options.samples)))
    print(f"KID of other drawn rooms {kid(others, expected):.4f}", flush=True)
    found: dict[str, list[float]] = {"reference": [], "ganlab": []}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name, train in (("reference", by_reference), ("ganlab", partial(by_ganlab, precision=options.precision))):
            generate = train(batches(rooms, options.steps, seed), seed, device)
            samples = torch.cat([generate(count) for count in chunks(options.samples)])
            found[name].append(kid(features(samples), expected))
            print(f"seed {seed}: {name:9} {found[name][-1]:.4f}", flush=True)
    means = {name: statistics.mean(values) for name, values in found.items()}
    print(f"means: reference {means['reference']:.4f}, ganlab {means['ganlab']:.4f}")
    print(f"ratio {means['ganlab'] / means['reference']:.3f}")
    if options.seeds > 1:
        mean, half = paired(found["ganlab"], found["reference"])
        print(f"difference {mean:.3f} +- {half:.3f} (95%, {options.seeds} pairs)")


def draw(series: int, count: int) -> np.ndarray:
    return np.stack([draw_room(series, place).image for place in progress(count, "drawing rooms")])


def batches(rooms: np.ndarray, steps: int, seed: int) -> Iterator[np.ndarray]:
    """The same pictures in the same order for whoever trains: (batch, 64, 64, 3) uint8."""
    rng = np.random.default_rng(seed)
    for _ in progress(steps, "training"):
        yield rooms[rng.integers(len(rooms), size=BATCH)]


def by_reference(pictures: Iterator[np.ndarray], seed: int, device: str) -> Callable[[int], torch.Tensor]:
    torch.manual_seed(seed)
    if device.startswith("cuda"):
        set_gpu_arithmetic("tf32", deterministic=False)  # torch's own, whatever ganlab's steps have set before
    loop = ReferenceLoop(device)
    for batch in pictures:
        loop.step(SPEC.from_uint8(batch))
    generator = loop.generator.eval()
    return torch.no_grad()(lambda count: generator(torch.randn(count, Z_DIM, 1, 1).to(device)).cpu())


def by_ganlab(pictures: Iterator[np.ndarray], seed: int, device: str, precision: str) -> Callable[[int], torch.Tensor]:
    settings = TrainSettings("rooms", law="normal", seed=seed, threads=torch.get_num_threads(), precision=precision)
    trainer = Trainer(settings, device)
    for batch in pictures:
        trainer.advance(batch)
    generator = trainer.kept()["generator"].eval()
    torch.manual_seed(seed)
    return torch.no_grad()(lambda count: generator(torch.randn(count, Z_DIM).to(device)).cpu())


def paired(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Mean difference over seeds, and half of its 95% interval by Student's t."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    error = statistics.stdev(differences) / len(differences) ** 0.5
    return statistics.mean(differences), float(stats.t.ppf(0.975, len(differences) - 1)) * error


def chunks(total: int) -> list[int]:
    return [min(BATCH, total - start) for start in range(0, total, BATCH)]


def features(pictures: torch.Tensor) -> np.ndarray:
    """What the labeler makes of pictures (n, 3, 64, 64) in [-1, 1]: (n, 96), the means of its maps."""
    network = RoomLabeler().network
    with torch.no_grad(), activations.record(network, LAYER) as recording:
        for part in pictures.split(BATCH):
            network(as_seen(part, SPEC))
    return recording[LAYER].mean((2, 3)).double().numpy()


def kid(left: np.ndarray, right: np.ndarray) -> float:
    """Unbiased: pairs of a picture with itself are left out."""
    within = [polynomial_kernel(part) for part in (left, right)]
    means = [(kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in within]
    return float(sum(means) - 2 * polynomial_kernel(left, right).mean())


if __name__ == "__main__":
    main()
