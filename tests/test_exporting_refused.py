"""What cannot be written back is refused, and nothing is half written."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest

from ganlab import Gan, GanlabError
from ganlab.checkpoints.exporting import export_gan
from ganlab.writing import write_new_files
from tests import torch7_writer as lua
from tests.export_files_kit import chainer, dumps, fixture, keras, modules_of, t7, tf, write_dumps
from tests.export_kit import changed_everywhere, same_networks

pytestmark = pytest.mark.usefixtures("one_thread")


def refused(gan: Gan, like: Path, out: Path, words: str) -> GanlabError:
    before = sorted(out.parent.iterdir())
    with pytest.raises(GanlabError, match=words) as caught:
        export_gan(gan, like, out)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert sorted(out.parent.iterdir()) == before
    return caught.value


def test_a_change_of_what_the_reader_filled_in(tmp_path: Path) -> None:
    like = fixture("chainer-snapshot.npz")(tmp_path)
    edited = chainer(like)
    edited.discriminator.state_dict()["down2.norm.weight"].mul_(2)
    refused(edited, like, tmp_path / "new.npz", "'down2.norm.weight' was computed from what the file holds")


def test_a_change_of_what_was_computed(tmp_path: Path) -> None:
    """The first version of Torch7's norms kept 1 / sqrt(variance + eps)."""
    modules = lua.lua_generator()
    for module in modules_of(modules):
        if "running_var" in module.fields:
            variance = module.fields.pop("running_var")
            module.fields["running_std"] = (variance + module.fields["eps"]) ** -0.5
    like = lua.save(tmp_path / "net.t7", modules)
    gan = t7(like)
    refused(changed_everywhere(gan, "running_var"), like, tmp_path / "new.t7", r"'modules.3.running_std' was computed")
    edited = changed_everywhere(gan, "running_mean")
    assert export_gan(edited, like, tmp_path / "new.t7").changed == 2
    assert same_networks(t7(tmp_path / "new.t7"), edited)


def test_files_that_it_did_not_come_from(tmp_path: Path) -> None:
    like = fixture("keras/keras2-generator.h5")(tmp_path)
    gan = keras(like)
    fixture("keras/keras3-functional.h5")(tmp_path)
    fixture("chainer-gen.npz")(tmp_path)
    (tmp_path / "bad.h5").write_bytes(like.read_bytes()[:20_000])
    new = tmp_path / "new.h5"
    refused(gan, tmp_path / "keras3-functional.h5", new, "has no '.*kernel")
    refused(gan, tmp_path / "chainer-gen.npz", new, "holds no config.json")
    refused(gan, tmp_path / "bad.h5", new, "is damaged")
    refused(gan, tmp_path, new, "There is no file")
    refused(gan, tmp_path / "none.h5", new, "There is no file")
    refused(gan, like, like, "already exists")
    assert "keras" in refused(with_source(gan, {}), like, new, "cannot|can be written back").hint
    keys = copy.deepcopy(gan.card.facts["source"])
    del keys["keys"]["generator"]["output.conv.weight"], keys["keys"]["generator"]["output.conv.bias"]
    refused(with_source(gan, keys), like, new, "does not say what 'output.conv.weight' was called")


def with_source(gan: Gan, source: dict[str, Any]) -> Gan:
    changed = copy.deepcopy(gan)
    changed.card.facts["source"] = source  # type: ignore[index]
    return changed


def test_a_number_that_half_precision_cannot_hold(tmp_path: Path) -> None:
    like = lua.save(tmp_path / "net.t7", lua.lua_generator(), element="Half")
    edited = t7(like)
    edited.generator.state_dict()["output.conv.weight"][0] = 1e6
    refused(edited, like, tmp_path / "new.t7", "cannot hold what 'modules.6.weight' has become")


def test_a_pair_of_dumps_keeps_the_ends_of_their_names(tmp_path: Path) -> None:
    like = write_dumps(tmp_path)
    refused(dumps(like), like, tmp_path / "new.jl", "belongs to a pair of dumps")


def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files that belong together all are there in the end, or none is."""
    like = fixture("keras/keras2-alone")(tmp_path)
    gan = tf(like)
    (tmp_path / "new.index").write_bytes(b"mine")
    refused(gan, like, tmp_path / "new", "new.index already exists")
    link, calls = os.link, []

    def full(old: Any, new: Any) -> None:
        calls.append(new)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        link(old, new)

    monkeypatch.setattr("ganlab.writing.os.link", full)
    with pytest.raises(GanlabError, match="No space left"):
        write_new_files(tmp_path / "folder", {"a": b"1", "b": b"2"})
    assert len(calls) == 2
    assert not (tmp_path / "folder").exists()
