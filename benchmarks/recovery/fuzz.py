"""Open thousands of damaged and hostile checkpoints: each must be told in words, or load harmlessly.

    python benchmarks/recovery/fuzz.py [--count 2000] [--first 0] [--seconds 30]

Every checkpoint is opened by ``ganlab.load_gan`` in one process of its own address space of 6 GiB, which is started
anew when it dies or takes too long. Told are GanlabErrors; a crash is every other exception, a killed process, a file
written anywhere, or a process or a connection begun. Prints the outcomes by format, the peak of resident memory of one
process over all checkpoints, and the slowest of them; ends with 1 if there were crashes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]
ADDRESSES = 6 << 30  # bytes a process may ask for
OUTCOMES = ("loaded", "told", "crashed", "timed out")


def work() -> None:
    """Open the checkpoints whose numbers come in, one a line, and say how each ended."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    from tests.mutation_audit import opened
    from tests.mutations import make

    with tempfile.TemporaryDirectory() as folder:
        opened(make(0, Path(folder)))  # all that is imported once
    os.environ["GANLAB_CACHE"] = tempfile.mkdtemp()  # what is worked out may be kept there, and nowhere else
    print("ready", flush=True)
    for line in sys.stdin:
        number = int(line)
        with tempfile.TemporaryDirectory() as folder:
            case = make(number, Path(folder))
            before = time.perf_counter()
            outcome, words = opened(case)
            seconds = time.perf_counter() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        said = {"format": case.format, "what": case.what, "outcome": outcome, "words": words[-400:]}
        print(json.dumps({"number": number, "seconds": seconds, "peak": peak, **said}), flush=True)


class Worker:
    """The process that opens them, started anew whenever it is gone."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.process: subprocess.Popen[str] | None = None

    def open(self, number: int) -> dict[str, Any]:
        """How the checkpoint of this number ended."""
        process = self._alive()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(self.seconds, process.kill)
        timer.start()
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        late = not timer.is_alive()
        timer.cancel()
        if line:
            return dict(json.loads(line))
        outcome = "timed out" if late else "crashed"
        said = {"outcome": outcome, "words": f"the process ended with {process.wait()}"}
        return {**_named(number), **said, "number": number, "seconds": self.seconds, "peak": 0}

    def _alive(self) -> subprocess.Popen[str]:
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, "-X", "faulthandler", __file__, "--work"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert self.process.stdout is not None
            assert self.process.stdout.readline() == "ready\n"
        return self.process

    def close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait()


def _named(number: int) -> dict[str, str]:
    from tests.mutations import make

    with tempfile.TemporaryDirectory() as folder:
        case = make(number, Path(folder))
    return {"format": case.format, "what": case.what}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30.0, help="for one checkpoint")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work()
        return 0
    worker = Worker(given.seconds)
    found = []
    for number in range(given.first, given.first + given.count):
        found.append(worker.open(number))
        if found[-1]["outcome"] not in ("loaded", "told"):
            print("{number} {format}, {what}: {outcome}: {words}".format(**found[-1]), flush=True)
    worker.close()
    return _report(found)


def _report(found: list[dict[str, Any]]) -> int:
    totals = Counter((one["format"], one["outcome"]) for one in found)
    print("\n" + "".join(f"{head:>16}" for head in ("", *OUTCOMES)))
    for name in sorted({one["format"] for one in found}):
        print(f"{name:>16}" + "".join(f"{totals[name, outcome]:16}" for outcome in OUTCOMES))
    sums = [sum(one["outcome"] == outcome for one in found) for outcome in OUTCOMES]
    print(f"{'all':>16}" + "".join(f"{number:16}" for number in sums))
    peak = max(found, key=lambda one: one["peak"])
    print("\npeak of resident memory: {peak:.0f} MiB, first reached by {number} ({format}, {what})".format(**peak))
    for one in sorted(found, key=lambda one: -one["seconds"])[:8]:
        print("{seconds:6.1f} s  {number} {format}, {what}: {outcome} {words}".format(**one))
    return 1 if sums[2] or sums[3] else 0


if __name__ == "__main__":
    sys.exit(main())
