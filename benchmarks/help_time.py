"""How long a person waits for help, and what it imports.

    python benchmarks/help_time.py [--times 10]

Runs ``ganlab --help``, ``ganlab probe --help`` and ``ganlab train --help`` as a shell would, after one run that fills
the caches; prints the median and the slowest, and any library that help has no use for.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = (["--help"], ["probe", "--help"], ["train", "--help"])
HEAVY = ("torch", "captum", "sklearn", "matplotlib", "numpy", "PIL")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    times = parser.parse_args().times
    ganlab = Path(sys.executable).with_name("ganlab")
    for words in COMMANDS:
        command = [str(ganlab), *words]
        seconds = []
        for _ in range(times + 1):
            began = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            seconds.append(time.perf_counter() - began)
        del seconds[0]
        name = " ".join(["ganlab", *words])
        print(f"{name:20} median {statistics.median(seconds):.3f} s, slowest {max(seconds):.3f} s{heavy(words)}")


def heavy(words: list[str]) -> str:
    """Which of the heavy libraries the command imports."""
    script = f"""
import atexit, sys
atexit.register(lambda: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr))
sys.argv = ["ganlab", *{words!r}]
from ganlab.cli.app import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return f", imports {done.stderr.strip()}"


if __name__ == "__main__":
    main()
