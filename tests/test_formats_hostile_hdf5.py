"""HDF5 files that were made to hurt, and harmless ones that only look so."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import GanlabError
from ganlab_formats import chainer_links, hdf5, hdf5_state, keras_files

h5py = pytest.importorskip("h5py")


def packed_zeros(file: Any, name: str, count: int) -> None:
    """A data set of 16 x 8 numbers in a chunk of ``count``, all of them zero and deflated."""
    made = file.create_dataset(
        name, (16, 8), "f4", maxshape=(None, None), chunks=(count // 8, 8), compression="gzip", fillvalue=0
    )
    made.id.write_direct_chunk((0, 0), zlib.compress(bytes(4 * count), 9))


@pytest.mark.parametrize("name", ["0.weight", "l0/W"])
def test_a_chunk_that_unpacks_to_far_more_than_the_file(name: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        packed_zeros(file, name, 1 << 24)
        file[name.replace("weight", "bias").replace("W", "b")] = np.zeros(16, "f4")
    assert (tmp_path / "a.h5").stat().st_size < 100_000
    reader: Any = hdf5_state if "weight" in name else chainer_links
    assert reader.recognises(tmp_path / "a.h5")
    for read in (reader.load, lambda path: hdf5.rewrite(path, "new.h5", lambda key, values: values)):
        with pytest.raises(GanlabError, match="far more than a file of its size can hold") as caught:
            read(tmp_path / "a.h5")
        assert caught.value.hint


def linear(file: Any) -> None:
    file["l0/W"] = np.ones((4, 3), "f4")
    file["l0/b"] = np.ones(4, "f4")


ASIDE: dict[str, Callable[[Any], None]] = {
    "None, as Chainer writes it": lambda file: file.create_dataset("optimizer/x", data=h5py.Empty("f")) and None,
    "a second name": lambda file: file.__setitem__("alias", h5py.SoftLink("/l0/W")),
    "a name in another file": lambda file: file.__setitem__("there", h5py.ExternalLink("/etc/hostname", "/")),
    "texts": lambda file: file.__setitem__("texts", ["a", "b"]),
}


@pytest.mark.parametrize("aside", ASIDE.values(), ids=ASIDE)
def test_what_lies_beside_a_network_is_no_hindrance(aside: Callable[[Any], None], tmp_path: Path) -> None:
    """Such a file opens, and is written back."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        linear(file)
        aside(file)
    assert chainer_links.recognises(tmp_path / "a.h5")
    (network,) = chainer_links.load(tmp_path / "a.h5").networks
    assert [part.name for part in network.parts] == ["l0"]
    seen = []

    def doubled(key: str, values: np.ndarray) -> np.ndarray:
        seen.append(key)
        return values * 2

    content = chainer_links.rewrite(tmp_path / "a.h5", "new.h5", doubled)["new.h5"]
    assert sorted(seen) == ["l0/W", "l0/b"]
    with h5py.File(io.BytesIO(content)) as file:
        assert (file["l0/W"][()] == 2).all()


def test_chainers_arrays_keep_the_order_of_their_names(tmp_path: Path) -> None:
    """As HDF5 lists them: group by group, each by name."""
    names = ["gen/l0/W", "gen/l0/b", "gen/l1/W", "gen/a/W", "gen/l0/deep/W", "b/W"]
    listed: list[str] = []
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in names:
            file[name] = np.ones((2, 2), "f4")
        file.visititems(lambda name, thing: listed.append(name) if isinstance(thing, h5py.Dataset) else None)
    from ganlab_formats.chainer_arrays import paths_in

    assert paths_in(tmp_path / "a.h5") == listed


def test_chainers_texts_are_looked_through_too(tmp_path: Path) -> None:
    """Before h5py sees them; here a heap of them that claims to reach far behind the file's end."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        linear(file)
        file.attrs["text"] = "x" * 20
    content = (tmp_path / "a.h5").read_bytes()
    size = content.index(b"GCOL") + 8
    (tmp_path / "a.h5").write_bytes(content[:size] + (1 << 40).to_bytes(8, "little") + content[size + 8 :])
    assert not chainer_links.recognises(tmp_path / "a.h5")
    with pytest.raises(GanlabError, match="heap of texts"):
        chainer_links.load(tmp_path / "a.h5")


def test_a_link_in_the_way_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers"] = h5py.SoftLink("/elsewhere")
    with pytest.raises(GanlabError, match=r"^/layers is a link"), hdf5.open_hdf5(tmp_path / "a.h5") as root:
        hdf5.at(root, "layers")


def test_keras_archives_without_their_parts(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(GanlabError, match=r"holds no model\.weights\.h5"):
        keras_files.load(tmp_path / "a.keras")
