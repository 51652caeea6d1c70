"""Runs that were made to do harm: nothing is started, nothing from elsewhere is read, no memory is filled."""

from __future__ import annotations

import json
import os
import shutil
import threading
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from ganlab.errors import GanlabError
from ganlab.results import Figure, animation
from ganlab.runs import folders as run_folders
from ganlab.runs.folders import load_result, save_result

from .data_kit import encoded, pixels
from .results_kit import a_result, picture


@pytest.fixture
def run(tmp_path: Path) -> Path:
    frames = [picture((value, 40, 90)) for value in (0, 60, 200)]
    still, moving = Figure(picture(), "Still."), Figure(picture(), "It moves.", frames, 0.04)
    return save_result(a_result(figures={"rows": still, "walk": moving}), tmp_path / "run")


def damaged(run: Path, words: str) -> None:
    with pytest.raises(GanlabError, match=words) as caught:
        load_result(run)
    assert "\n" not in caught.value.message


def test_a_whole_run_in_a_linked_folder_is_read(run: Path) -> None:
    (run.parent / "link").symlink_to(run)
    (run / "more/filters.json").rename(run / "more/moved.json")
    (run / "more/filters.json").symlink_to("moved.json")
    assert load_result(run.parent / "link").files == {"more/filters.json": b"[1, 2]"}


@pytest.mark.parametrize("said", ["", "{", "[]", "{}", '{"command": ["rm"]}', '{"command": null}'])
def test_a_damaged_environment_is_told(run: Path, said: str) -> None:
    (run / "environment.json").write_text(said)
    damaged(run, "is damaged")


@pytest.mark.parametrize("name", ["rows.png", "walk.webp"])
def test_a_figure_that_is_postscript_starts_nothing(run: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    started: list[Any] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given: started.append(given))
    (run / "figures" / name).write_bytes(encoded(pixels(0, 4, 6), "EPS"))
    damaged(run, "is damaged")
    assert not started


@pytest.mark.parametrize(
    "name",
    ["result.json", "environment.json", "arrays.npz", "figures/rows.png", "figures/walk.webp", "more/filters.json"],
)
def test_links_that_lead_out_are_not_followed(run: Path, name: str) -> None:
    outside = run.parent / "outside"
    (run / name).rename(outside)
    (run / name).symlink_to(outside)
    damaged(run, f"{name} is a link that leads out")


def test_a_linked_folder_that_leads_out_is_not_followed(run: Path) -> None:
    shutil.move(run / "more", run.parent / "outside")
    (run / "more").symlink_to(run.parent / "outside")
    damaged(run, "leads out")


@pytest.mark.parametrize("name", ["card.toml", "weights.safetensors"])
def test_a_gans_links_that_lead_out_are_not_followed(run: Path, name: str) -> None:
    (run / "gans/a").mkdir(parents=True)
    for file in ("card.toml", "weights.safetensors"):
        (run / "gans/a" / file).write_text("")
    (run / "gans/a" / name).unlink()
    (run.parent / "outside").write_text("")
    (run / "gans/a" / name).symlink_to(run.parent / "outside")
    content = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps(content | {"gans": {"a": {}}}))
    damaged(run, f"{name} is a link that leads out")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_not_waited_for(run: Path) -> None:
    path = run / "more/filters.json"
    path.unlink()
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"",), daemon=True)  # ends the wait of who reads it
    writer.start()
    try:
        damaged(run, "is no file")
    finally:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        writer.join(10)


def test_files_larger_than_what_is_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folders, "LARGEST_FILE", 6)
    assert load_result(run).files
    monkeypatch.setattr(run_folders, "LARGEST_FILE", 5)
    damaged(run, r"filters\.json takes 6 bytes")
    monkeypatch.setattr(run_folders, "LARGEST_TEXT", 100)
    damaged(run, r"result\.json takes")


def test_frames_that_last_too_long_are_not_counted_out(run: Path) -> None:
    frames = [picture((value, 0, 0)) for value in (0, 200)]
    longest = animation.LONGEST_SHOWN - 1
    frames[0].save(run / "figures/walk.webp", save_all=True, append_images=frames[1:], duration=longest, lossless=True)
    file = run / "result.json"
    file.write_text(file.read_text().replace('"seconds": 0.04', '"seconds": 0.001'))
    tracemalloc.start()
    try:
        damaged(run, "more frames than 3")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        file.write_text(file.read_text().replace('"frames": 3', f'"frames": {2 * longest}'))
        damaged(run, "more than the 1,048,576 that are read")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_figure_of_another_size_is_not_decoded(run: Path) -> None:
    Image.new("1", (600, 400)).save(run / "figures/rows.png")
    damaged(run, r"rows\.png has 600x400 pixels, not \(6, 4\)")


def test_pixels_of_all_figures_are_counted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = 24 * (2 + 3)  # two pictures, three frames
    monkeypatch.setattr(run_folders, "MOST_PIXELS", pixels)
    load_result(run)
    monkeypatch.setattr(run_folders, "MOST_PIXELS", pixels - 1)
    damaged(run, r"walk\.webp has more pixels")
    monkeypatch.setattr(run_folders, "MOST_PIXELS", 2 * 24 - 1)
    damaged(run, r"\.png has 6x4 pixels")


def test_arrays_packed_by_another_method_than_numpys(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = dict(np.load(run / "arrays.npz"))
    np.savez_compressed(run / "arrays.npz", **arrays)
    load_result(run)
    monkeypatch.setattr(run_folders, "LARGEST_ARRAYS", 100)
    damaged(run, "more than the")
    with zipfile.ZipFile(run / "arrays.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(run / "arrays.npz", "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    damaged(run, "another method than deflate")
