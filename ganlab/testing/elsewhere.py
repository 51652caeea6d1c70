"""Two runs in processes of their own, where sets of texts lie in other orders: what one process alone cannot see."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ganlab.analyses import Analysis
from ganlab.plugins.metadata import one_line
from ganlab.testing.comparing import check_same
from ganlab.testing.contract import opened

HASH_SEEDS = ("1", "2")  # of which texts get their hashes, and with these the order in which sets hold them

_RUN = """
import json, pickle, sys
from pathlib import Path

task, answer, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
sys.path[:] = json.loads(sys.argv[4])
import torch
from ganlab.testing.comparing import said

torch.set_num_threads(threads)
analysis, options = pickle.loads(task.read_bytes())
answer.write_text(json.dumps(said(analysis(**options))))
"""


def check_elsewhere(analysis: Analysis, **options: Any) -> None:
    """Run an analysis in two other processes, and hold it to saying the same byte by byte in both.

    They hash texts otherwise (``PYTHONHASHSEED``), so that an analysis which goes through a set of them, or sorts by
    ``hash``, is found; :func:`check_analysis` cannot see that. It takes as long as two processes need to import torch.

    Args:
        analysis: what ``@analysis`` made, in a module that can be imported.
        options: as for :func:`check_analysis`; they go to the other processes as a pickle.

    Raises:
        AssertionError: the two differ, or one failed; or the analysis or an option cannot go to another process.
    """
    given = opened(analysis, options)
    try:
        pickled = pickle.dumps((analysis, given))
    except Exception as error:  # what cannot be pickled raises an error of its own
        raise AssertionError(
            f"analysis {analysis.name!r} cannot be run in another process: {one_line(error)}"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task"
        task.write_bytes(pickled)
        runs = [_begun(task, Path(folder) / seed, seed) for seed in HASH_SEEDS]
        complaints = [run.communicate()[1] for run in runs]
        for run, complaint in zip(runs, complaints, strict=True):
            if run.returncode:
                last = (complaint.strip().splitlines() or ["it said nothing"])[-1]
                raise AssertionError(f"analysis {analysis.name!r} fails in another process: {last}")
        first, second = (_answer(analysis, Path(folder) / seed) for seed in HASH_SEEDS)
    check_same(analysis, first, second, "processes")


def _begun(task: Path, answer: Path, seed: str) -> subprocess.Popen[str]:
    import torch

    words = [str(task), str(answer), str(torch.get_num_threads()), json.dumps(sys.path)]
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, *words],
        env=os.environ | {"PYTHONHASHSEED": seed},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _answer(analysis: Analysis, file: Path) -> dict[str, str]:
    if not file.exists():
        raise AssertionError(f"analysis {analysis.name!r} ended the process")
    answer: dict[str, str] = json.loads(file.read_text())
    return answer
