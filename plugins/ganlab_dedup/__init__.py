"""Find near-duplicates in a data set by semantic hashing, verify them on the pictures, list what to keep."""

from __future__ import annotations

from typing import Annotated

from ganlab import Analysis, Images, Range, Result, analysis, hookimpl


@analysis
def dedup(
    data: Annotated[Images, "the pictures: a folder, zip, .npy/.npz or a named set, as for `ganlab train`"],
    radius: Annotated[
        int, "bits of 128 that two hashes may differ by; the paper's 0 finds few but exact copies", Range(0, 31)
    ] = 15,
    similarity: Annotated[
        float,
        "correlation of detail from which two pictures are the same; of photographs different ones stay below 0.8",
        Range(0, 1),
    ] = 0.87,
    steps: Annotated[int, "training steps of the autoencoder that hashes", Range(1)] = 600,
    planted: Annotated[
        int,
        "distorted copies that are hidden and looked for; five times as many pictures are flipped, for the control",
        Range(5),
    ] = 200,
    skip_broken: Annotated[bool, "leave out pictures that do not decode; without it they stop the run"] = False,
    seed: Annotated[
        int, "of the autoencoder, of the planted copies and of the pictures that are flipped", Range(0, 2**32 - 1)
    ] = 0,
) -> Result:
    """Which pictures of a data set are there more than once, and which to keep (section 4.1.1).

    A 3072-128-3072 de-noising, dropout-regularised ReLU autoencoder learns from the pictures at 32x32; which of its 128
    code units are above zero is a picture's hash. Pictures whose hashes differ by at most --radius bits are candidates,
    and are compared. The file keep.txt names one picture of each group and all others: `ganlab train DATA --keep
    keep.txt`. The controls: distorted copies planted among the pictures, and pictures flipped, which are none.
    """
    from .investigation import Choices, investigate

    choices = Choices(
        radius=radius, similarity=similarity, steps=steps, planted=planted, skip_broken=skip_broken, seed=seed
    )
    return investigate(data, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [dedup]
