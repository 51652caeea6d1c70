"""Whether pictures are those that a GAN was trained on: asked of its card, and told where it matters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import Card, Gan, GanlabError, open_images, trained_on
from ganlab.data import packed_fingerprint
from ganlab.data.packing import LAYOUT
from ganlab.testing import tiny_gan
from ganlab_neighbors import neighbors

SIZE = 16


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("GANLAB_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    paths = {"train": tmp_path / "train.npy", "held": tmp_path / "held.npy"}
    for path in paths.values():
        np.save(path, random.integers(0, 256, (150, SIZE, SIZE, 3), np.uint8))
    return {name: str(path) for name, path in paths.items()}


def trained(facts: dict[str, Any]) -> Gan:
    gan = tiny_gan()
    return Gan(gan.generator, prior=gan.prior, image=gan.image, card=Card("known", facts={"training": facts}))


def test_the_card_tells(files: dict[str, str]) -> None:
    train, held = (open_images(files[name]) for name in ("train", "held"))
    gan = trained({"fingerprint": packed_fingerprint(train, SIZE, 3), "layout": LAYOUT})
    assert trained_on(gan, train) is True
    assert trained_on(gan, held) is False
    assert trained_on(gan, train.first(149)) is False
    assert trained_on(trained({}), train) is None
    assert trained_on(tiny_gan(), train) is None


def test_where_nobody_can_tell_nothing_is_said(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    train = open_images(files["train"])
    gan = tiny_gan(classes=3)
    facts = {"training": {"fingerprint": packed_fingerprint(train, SIZE, 3), "layout": LAYOUT}}
    told = Gan(gan.generator, prior=gan.prior, image=gan.image, classes=3, label=0, card=Card("known", facts=facts))
    assert trained_on(told, train) is None  # the pictures have no classes
    monkeypatch.setenv("GANLAB_CACHE", "/dev/null/nowhere")
    with pytest.raises(GanlabError):
        trained_on(trained({"fingerprint": "0" * 32, "layout": LAYOUT}), train)


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({}, "does not say what it was trained on"),
        ({"data": "photos/"}, "names photos/ as what it was trained on; whether that is DATA was not checked"),
        ({"data": "SAME"}, None),
        (
            {"data": "photos/", "fingerprint": "0" * 32, "layout": LAYOUT},
            "is not all that known was .* on its card, which names photos/",
        ),
        ({"data": "photos/", "fingerprint": "0" * 32}, "whether that is DATA was not checked"),
        ({"data": "photos/", "fingerprint": "OWN"}, None),
    ],
)
def test_neighbors_of_other_pictures_are_no_copies_and_a_note_says_so(
    files: dict[str, str], training: dict[str, str], words: str | None
) -> None:
    """``--gan`` forgotten, and the shipped GAN is asked about pictures that it never saw."""
    own = str(packed_fingerprint(open_images(files["train"]), SIZE, 3))
    facts = {key: {"SAME": files["train"], "OWN": own}.get(value, value) for key, value in training.items()}
    notes = neighbors(trained(facts), files["train"], files["held"], n=30, space=["pixels"]).notes
    found = [note for note in notes if "trained on" in note]
    assert len(found) == (words is not None)
    assert words is None or re.search(words, found[0])
