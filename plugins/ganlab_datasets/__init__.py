"""Data sets as they are distributed: CIFAR, SVHN, MNIST, CelebA, LSUN, parquet, WebDataset and other tars."""

from __future__ import annotations

from ganlab import Dataset, DatasetFormat, hookimpl

from . import celeba, cifar, idx, lsun, parquet, svhn, tars


@hookimpl
def register_datasets() -> list[Dataset | DatasetFormat]:
    """One of each; a reader imports its library only when it reads."""
    return [
        DatasetFormat("cifar", "CIFAR-10 or CIFAR-100 in Python's version", cifar.recognises, cifar.open_cifar),
        DatasetFormat("svhn", "SVHN's .mat of cropped digits", svhn.recognises, svhn.open_svhn),
        DatasetFormat("idx", "idx files as MNIST has them", idx.recognises, idx.open_idx),
        DatasetFormat("celeba", "CelebA with its list of attributes", celeba.recognises, celeba.open_celeba),
        DatasetFormat("lsun", "LSUN's LMDB", lsun.recognises, lsun.open_lsun),
        DatasetFormat("parquet", "Hugging Face's .parquet", parquet.recognises, parquet.open_parquet),
        DatasetFormat("tar", "a tar of pictures, or WebDataset's shards", tars.recognises, tars.open_tars),
    ]
