"""Our exact search against faiss's: k 5, 1,000 queries, 50,000 vectors, two threads, interleaved in one process.

python benchmarks/nearest.py TRAIN.npy QUERIES.npy        (uint8 pictures (n, h, w, c); needs faiss-cpu)
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from ganlab import Directions, Nearest

K, BLOCK = 5, 2048


def ours(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Rows of the nearest (n, K); finding the directions is part of it."""
    directions = Directions(torch.from_numpy(candidates[:: max(1, len(candidates) // 1024)]))
    nearest = Nearest(torch.from_numpy(queries), K, directions)
    for first in range(0, len(candidates), BLOCK):
        part = candidates[first : first + BLOCK]
        nearest.update(torch.from_numpy(part), np.arange(first, first + len(part)))
    return nearest.ids


def main() -> None:
    import faiss

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("queries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    faiss.omp_set_num_threads(options.threads)
    torch.set_num_threads(options.threads)
    candidates, queries = (
        np.load(path, mmap_mode="r")[:most].reshape(-1, 3072).astype(np.float32)
        for path, most in ((options.train, 50_000), (options.queries, 1_000))
    )
    index = faiss.IndexFlatL2(candidates.shape[1])
    index.add(candidates)
    wall: dict[str, list[float]] = {"faiss": [], "ours": []}
    work: dict[str, list[float]] = {"faiss": [], "ours": []}
    found: dict[str, np.ndarray] = {}
    for _ in range(options.rounds):
        for name in wall:
            began, busy = time.perf_counter(), time.process_time()
            ids = index.search(queries, K)[1] if name == "faiss" else ours(queries, candidates)
            wall[name].append(time.perf_counter() - began)
            work[name].append(time.process_time() - busy)
            print(f"{name:6} {wall[name][-1]:6.2f} s, {work[name][-1]:6.2f} s of processor", flush=True)
            found[name] = ids
    print(f"same rows: {(found['faiss'] == found['ours']).mean():.4%}")
    for what, times in (("wall", wall), ("processor", work)):
        print(f"{what}: ratio {statistics.median(times['faiss']) / statistics.median(times['ours']):.2f}")


if __name__ == "__main__":
    main()
