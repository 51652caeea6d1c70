"""Networks whose tensors lie in several safetensors files, which an index joins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ganlab import load_gan
from ganlab.checkpoints import safetensors
from tests.door_kit import KNOWN, Pair, draws_as, refused

pytestmark = pytest.mark.usefixtures("one_thread")

INDEX = "model.safetensors.index.json"


@pytest.fixture
def shards(tmp_path: Path, made: Pair) -> Path:
    """A folder of a generator in two files and their index."""
    tensors = made.generator.state_dict()
    half = len(tensors) // 2
    names = [f"model-{number:05}-of-00002.safetensors" for number in (1, 2)]
    places = {key: names[number >= half] for number, key in enumerate(tensors)}
    for name in names:
        save_file({key: tensors[key] for key, place in places.items() if place == name}, tmp_path / name)
    (tmp_path / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return tmp_path


@pytest.mark.parametrize("spec", ["{}", "{}/" + INDEX])
def test_an_index_joins_its_files(shards: Path, made: Pair, spec: str) -> None:
    gan = load_gan(spec.format(shards), **KNOWN)
    assert draws_as(gan, made.generator)
    assert not any("left out" in note for note in gan.card.notes)


def test_one_of_several_files_is_no_network(shards: Path) -> None:
    part = shards / "model-00002-of-00002.safetensors"
    assert INDEX in refused(part, "one of several files").hint
    (shards / INDEX).unlink()
    assert "Fetch all" in refused(part, "one of several files").hint


def test_files_that_are_missing_or_lie_elsewhere_are_told(shards: Path) -> None:
    listed = json.loads((shards / INDEX).read_text())
    elsewhere = {key: f"../{name}" for key, name in listed["weight_map"].items()}
    for wrong in ({"weight_map": elsewhere}, {"weight_map": {}}, {"weight_map": {"a": 1}}, [], {}):
        (shards / INDEX).write_text(json.dumps(wrong))
        refused(shards / INDEX, "no index")
    (shards / INDEX).write_text(
        json.dumps({"weight_map": {**listed["weight_map"], "more": "model-00001-of-00002.safetensors"}})
    )
    refused(shards / INDEX, "lists 'more'")
    (shards / INDEX).write_text(json.dumps(listed))
    save_file({"a": torch.zeros(1)}, shards / "model-00001-of-00002.safetensors")
    refused(shards / INDEX, "which its files do not hold")
    (shards / "model-00001-of-00002.safetensors").unlink()
    refused(shards / INDEX, "does not lie beside it")


def test_layers_stand_in_the_order_of_their_numbers_and_come_from_where_the_index_says(tmp_path: Path) -> None:
    held = {f"layers.{number}.weight": torch.tensor([float(number)]) for number in range(12)}
    stale = {key: value - 1 for key, value in held.items()}
    names = [f"model-{number:05}-of-00002.safetensors" for number in (1, 2)]
    places = {key: names[number % 2] for number, key in enumerate(held)}
    save_file(held, tmp_path / "one.safetensors")
    for name in names:
        save_file({key: (held if places[key] == name else stale)[key] for key in held}, tmp_path / name)
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": places}))
    for name in ("one.safetensors", INDEX):
        assert list(safetensors.read(tmp_path / name).items()) == list(held.items())
