"""Where a training step's time goes, and how far it is from what the machine can do.

    python benchmarks/profile_step.py [--steps 6] [--batch 128] [--width 64] [--precision auto] [--device auto]

Measures what the machine can do (a large matrix product, a large copy), counts what a step asks for (the
multiplications and additions of its convolutions, the bytes that everything else reads and writes), and profiles the
step itself: operator by operator, and on a GPU, over fifty steps, how much of the wall time kernels cover.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from stepping import fed, finish, repeat, steps_a_turn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, schedule
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ganlab.architectures.dcgan import DcganSettings
from ganlab.networks.devices import choose_device, usual_precision
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer

SHOWN = 12  # operators


class BytesBesideConvolutions(TorchDispatchMode):
    """Counts the bytes of all tensors that operators without multiplications in bulk are given and put out."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if not func.is_view and "convolution" not in func.name():
            tensors = [leaf for leaf in tree_leaves((args, kwargs, output)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6, help="that are profiled")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    precision = usual_precision(device) if options.precision == "auto" else options.precision
    network = DcganSettings(64, 3, options.width)
    trainer = Trainer(TrainSettings("benchmark", network=network, batch=options.batch, precision=precision), device)
    feed = fed(trainer)

    def step() -> None:
        trainer.advance(next(feed))

    flop, moved = count(step)
    rate, bandwidth = matrix_rate(device, precision), copy_rate(device)
    seconds = fastest(step, device, options.steps)
    computing, moving = flop / rate, moved / bandwidth
    print(f"{device}, {torch.get_num_threads()} threads, {precision}, batch {options.batch}")
    print(f"the machine: matrix product {three(rate / 1e9)} GFLOP/s, copy {three(bandwidth / 1e9)} GB/s")
    print(f"a step: convolutions {three(flop / 1e9)} GFLOP, everything else reads and writes {three(moved / 1e9)} GB")
    floor, parts = computing + moving, f"{three(1e3 * computing)} computing, {three(1e3 * moving)} moving"
    print(f"floor {three(1e3 * floor)} ms: {parts}")
    print(
        f"taken {three(1e3 * seconds)} ms ({three(seconds / floor)} floors), {three(options.batch / seconds)} images/s"
    )
    report(step, device, max(options.steps, steps_a_turn(device)), seconds)


def three(value: float) -> str:
    """To three significant digits."""
    return f"{float(f'{value:.3g}'):,.12g}"


def count(step: Callable[[], None]) -> tuple[int, int]:
    """FLOP of the convolutions in a step, and bytes that all other operators read and write."""
    step()
    with FlopCounterMode(display=False) as counted:
        step()
    with BytesBesideConvolutions() as other:
        step()
    return counted.get_total_flops(), other.bytes


def matrix_rate(device: str, precision: str) -> float:
    """FLOP/s of a product of matrices too large for the caches."""
    side = 8192 if device.startswith("cuda") else 2048
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / fastest(lambda: torch.mm(left, right), device, 8)


def copy_rate(device: str) -> float:
    """Bytes/s read and written by a copy too large for the caches."""
    source = torch.randn(2**28 if device.startswith("cuda") else 2**26, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() * source.element_size() / fastest(lambda: target.copy_(source), device, 8)


def fastest(action: Callable[[], object], device: str, times: int) -> float:
    """Seconds that it takes in the fastest of several turns, after two that warm up."""
    seconds = []
    for _ in range(times + 2):
        began = time.perf_counter()
        repeat(action, device, steps_a_turn(device))
        seconds.append(time.perf_counter() - began)
    return min(seconds[2:]) / steps_a_turn(device)


def report(step: Callable[[], None], device: str, steps: int, alone: float) -> None:
    """Print the operators that take longest; of a GPU, how much of the wall time kernels cover.

    Args:
        alone: seconds that a step takes without the profiler, which slows the processor and no kernel.
    """
    on_gpu = device.startswith("cuda")
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if on_gpu else [])
    with profile(activities=activities, schedule=schedule(wait=0, warmup=1, active=1, repeat=1)) as profiled:
        for _ in ("warming up", "counted"):  # what the profiler prepares for itself stays out
            finish(device)
            began = time.perf_counter()
            repeat(step, device, steps)
            wall = time.perf_counter() - began
            profiled.step()
    rows = [row for row in profiled.key_averages() if not row.key.startswith("ProfilerStep")]  # the whole block's
    taken = operator_times(rows, on_gpu)
    total = sum(taken.values())
    print(f"\n{'operator':44}{'ms a step':>10}{'share':>8}")
    for name in sorted(taken, key=lambda name: -taken[name])[:SHOWN]:
        print(f"{name[:43]:44}{three(taken[name] / 1e3 / steps):>10}{taken[name] / total:8.1%}")
    if on_gpu:
        kernels = kernel_time(rows) / 1e6
        print(f"kernels cover {kernels / wall:.1%} of the wall time of {steps} steps, ", end="")
        print(f"{kernels / steps / alone:.1%} of what they take without the profiler")


def operator_times(rows: Iterable[Any], on_gpu: bool) -> dict[str, float]:
    """Microseconds of every operator itself: its own on the CPU, on a GPU those of the kernels that it started."""
    operators = [row for row in rows if row.device_type == DeviceType.CPU]
    return {row.key: row.self_device_time_total if on_gpu else row.self_cpu_time_total for row in operators}


def kernel_time(rows: Iterable[Any]) -> float:
    """Microseconds of all kernels and copies: a profile has rows for these, and their time again in other rows."""
    kernels = [row for row in rows if row.device_type != DeviceType.CPU and not row.is_user_annotation]
    return sum(row.self_device_time_total for row in kernels)


if __name__ == "__main__":
    main()
