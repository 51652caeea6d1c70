"""What a process asks of its machine, tried in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

# page faults that a block of 64 MB costs which is asked for again and again
FAULTS = """
import resource
import torch
from ganlab.networks.devices import keep_freed_memory
{before}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(kept, max([faults() for _ in range(40)][-5:]))  # it takes some until their places fit each other
"""


def said(before: str) -> tuple[bool, int]:
    """Whether the process keeps what it frees, and the faults."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.format(before=before)], capture_output=True, text=True, check=True
    )
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries have no such choice")
def test_blocks_that_are_freed_are_kept_for_the_next_ones() -> None:
    kept, faults = said("kept = keep_freed_memory()")
    if not kept:
        pytest.skip("this C library has no such choice")
    # measured: none or a few; all pages (16,384, or 32 of 2 MB) where every block is new
    assert faults < 10
    assert said("kept = False")[1] > 20


@pytest.mark.skipif(sys.platform != "linux", reason="resource limits are Linux's here")
def test_nothing_is_kept_where_memory_is_limited() -> None:
    limit = "resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34)); kept = keep_freed_memory()"
    assert said(limit)[0] is False
