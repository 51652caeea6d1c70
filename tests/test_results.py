"""Results: the contract, the round trip, runs written whole or not at all, the page."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import string
import subprocess
import sys
from contextlib import suppress
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy import stats

from ganlab.environment import environment
from ganlab.errors import GanlabError
from ganlab.page import number
from ganlab.results import Figure, Metric, Result, Table
from ganlab.run_folders import load_result, new_run_folder, save_result
from ganlab.writing import FolderTaken, check_new_folder, new_folder, png_bytes, write_file


def picture(colour: tuple[int, int, int] = (200, 40, 90)) -> Image.Image:
    return Image.new("RGB", (6, 4), colour)


def a_result(**changes: Any) -> Result:
    parts: dict[str, Any] = {
        "summary": "Dropping 3 filters took windows from 62% to 4%.",
        "metrics": {
            "after": Metric(0.04, 0.02, 0.08, 200, control="random", about="share of pictures with a window"),
            "random": Metric(np.float32(0.5), n=np.int64(20), no_control="it is the control"),
        },
        "tables": {"layers": Table(["layer", "auc", "kept"], [["up8", np.float64(0.5), None], ["up16", 0.9, True]])},
        "figures": {"rows": Figure(picture(), "Rows of pictures.")},
        "arrays": {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "one": np.array(3)},
        "files": {"more/filters.json": b"[1, 2]"},
        "notes": ["Judged by nobody."],
        "record": {"analysis": "probe", "options": {"n": 200}, "gan": {"name": "tiny", "hash": "3fa9c1d2e4b0"}},
    }
    return Result(**(parts | changes))


# --- the contract


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"summary": "  "}, "summary"),
        ({"summary": "two\nlines"}, "one line"),
        ({"metrics": {"a": Metric(math.nan, no_control="x")}}, "finite"),
        ({"metrics": {"a": Metric(1, low=-math.inf, no_control="x")}}, "finite"),
        ({"metrics": {"a": Metric(None, no_control="x")}}, "finite"),  # type: ignore[arg-type]
        ({"metrics": {"a": Metric(True, no_control="x")}}, "finite"),
        ({"metrics": {"a": Metric(1.0)}}, "either control"),
        (
            {"metrics": {"a": Metric(1.0, control="b", no_control="x"), "b": Metric(1, no_control="x")}},
            "either control",
        ),
        ({"metrics": {"a": Metric(1.0, control="b")}}, "no other metric"),
        ({"metrics": {"a": Metric(1.0, control="a")}}, "no other metric"),
        ({"metrics": {"a": Metric(1.0, low=2.0, high=1.0, no_control="x")}}, "ends before"),
        ({"metrics": {"a": Metric(1.0, n=0, no_control="x")}}, "count"),
        ({"metrics": {"a": 1.0}}, "not a Metric"),
        ({"metrics": {" ": Metric(1.0, no_control="x")}}, "name"),
        ({"tables": {"t": Table(["a"], [[1, 2]])}}, "cells"),
        ({"tables": {"t": Table(["a"], [[math.nan]])}}, "finite"),
        ({"tables": {"t": Table(["a"], [[[1]]])}}, "finite"),
        ({"tables": {"t": Table([], [])}}, "columns"),
        ({"figures": {"f": Figure(np.zeros((4, 4)), "x")}}, "PIL image"),  # type: ignore[arg-type]
        ({"figures": {"f": Figure(Image.new("F", (2, 2)), "x")}}, "mode"),
        ({"figures": {"f": picture()}}, "not a Figure"),
        ({"figures": {"../f": Figure(picture(), "x")}}, "file"),
        ({"figures": {"CON": Figure(picture(), "x")}}, "file"),
        ({"figures": {"a": Figure(picture(), "x"), "A": Figure(picture(), "x")}}, "clash"),
        ({"arrays": {"a": np.array([1.0, math.nan])}}, "NaN"),
        ({"arrays": {"a": np.array([object()])}}, "objects"),
        ({"arrays": {"a": [1.0]}}, "numpy"),
        ({"files": {"/etc/x": b""}}, "file"),
        ({"files": {"a/../x": b""}}, "file"),
        ({"files": {"result.json": b""}}, "writes"),
        ({"files": {"figures/x": b""}}, "writes"),
        ({"files": {"a": b"", "a/b": b""}}, "clash"),
        ({"files": {"a": "text"}}, "bytes"),
        ({"gans": {"a": 3}}, "Gan"),
        ({"notes": [3]}, "sentences"),
        ({"record": {"path": Path("x")}}, "JSON"),
        ({"record": {1: 2}}, "string"),
        ({"record": {"a": [math.inf]}}, "finite"),
    ],
)
def test_a_result_that_breaks_the_contract_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    result = a_result(**changes)
    with pytest.raises(ValueError, match=words):
        result.check()
    with pytest.raises(ValueError, match=words):
        save_result(result, tmp_path / "run")
    assert not any(tmp_path.iterdir())


def test_json_holds_what_was_found_and_nothing_of_the_machine() -> None:
    content = json.loads(a_result().to_json())
    assert content["metrics"]["after"] == {
        "value": 0.04, "low": 0.02, "high": 0.08, "n": 200, "control": "random", "no_control": None,
        "about": "share of pictures with a window",
    }  # fmt: skip
    assert content["metrics"]["random"]["n"] == 20
    assert content["tables"]["layers"]["rows"] == [["up8", 0.5, None], ["up16", 0.9, True]]
    assert content["figures"]["rows"]["file"] == "figures/rows.png"
    assert content["arrays"]["weights"] == {"dtype": "float32", "shape": [2, 3]}
    assert list(content) == sorted(content)


def test_json_does_not_depend_on_the_order_in_which_parts_were_added() -> None:
    result = a_result()
    shuffled = a_result(metrics=dict(reversed(result.metrics.items())), arrays=dict(reversed(result.arrays.items())))
    assert shuffled.to_json() == result.to_json()


def test_json_survives_file_names_that_are_no_text() -> None:
    odd = os.fsdecode(b"caf\xe9")
    text = a_result(record={"path": odd}).to_json()
    text.encode("utf-8")
    assert json.loads(text)["record"]["path"] == odd


# --- to the disk and back

words = st.text(min_size=1, max_size=8)
names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
numbers = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
cells = st.none() | st.booleans() | numbers | st.text(max_size=8)
plain_json = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def results(draw: st.DrawFn) -> Result:
    table = draw(
        st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=3))
    )
    metrics = {
        name: Metric(
            draw(numbers), n=draw(st.none() | st.integers(1, 9)), no_control="none", about=draw(st.text(max_size=5))
        )
        for name in draw(st.sets(words.filter(str.strip), max_size=3))
    }
    mode = draw(st.sampled_from(["L", "RGB", "RGBA", "LA", "1"]))
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)
    dtypes = st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_, np.dtype("U3"), np.dtype(">i4")])
    finite = {"allow_nan": False, "allow_infinity": False}
    arrays = {
        name: draw(
            dtypes.flatmap(
                lambda dtype: hnp.arrays(dtype, shapes, elements=finite if np.dtype(dtype).kind == "f" else None)
            )
        )
        for name in draw(st.sets(names, max_size=2))
    }
    return Result(
        summary=draw(words.filter(lambda text: text.strip() and "\n" not in text)),
        metrics=metrics,
        tables={
            draw(words.filter(str.strip)): Table(
                [f"c{i}" for i in range(len(table[0]))], table, draw(st.text(max_size=5))
            )
        },
        figures={draw(names): Figure(Image.new(mode, (3, 2), draw(st.integers(0, 1))), draw(st.text(max_size=9)))},
        arrays=arrays,
        files={f"files/{name}": draw(st.binary(max_size=9)) for name in draw(st.sets(names, max_size=2))},
        notes=draw(st.lists(st.text(max_size=9), max_size=2)),
        record=draw(st.dictionaries(words, plain_json, max_size=3)),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(results())
def test_what_is_saved_comes_back(tmp_path_factory: pytest.TempPathFactory, result: Result) -> None:
    folder = tmp_path_factory.mktemp("run")  # empty: is filled in place
    save_result(result, folder)
    back = load_result(folder)
    assert back.to_json() == result.to_json()
    for name, figure in result.figures.items():
        assert back.figures[name].image.tobytes() == figure.image.tobytes()
    for name, array in result.arrays.items():
        assert back.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(back.arrays[name], array)
    assert back.files == result.files


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_two_runs_are_the_same_bytes_but_for_the_environment(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "deep/er/b"
    save_result(a_result(), first, command="ganlab probe windows")
    save_result(a_result(), second, command="ganlab probe windows")
    assert contents(first) == contents(second)
    assert set(contents(first)) == {
        "result.json", "index.html", "environment.json", "arrays.npz", "figures/rows.png", "more/filters.json",
    }  # fmt: skip
    save_result(
        a_result(), tmp_path / "c", command="ganlab probe windows", environment=environment(device="cpu", seconds=2)
    )
    assert contents(tmp_path / "c")["result.json"] == contents(first)["result.json"]
    facts = json.loads(contents(tmp_path / "c")["environment.json"])
    assert facts["command"] == "ganlab probe windows"
    assert facts["versions"]["numpy"] == np.__version__


def test_a_result_without_gans_is_saved_and_loaded_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from ganlab.results import *; from ganlab.run_folders import *; "
        "import ganlab.figures, ganlab.labels, ganlab.environment\n"
        f"save_result(Result('One sentence.'), {str(tmp_path / 'run')!r}); load_result({str(tmp_path / 'run')!r})\n"
        "print([name for name in ('torch', 'matplotlib', 'sklearn', 'captum') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_edited_gan_is_saved_with_the_result(tmp_path: Path) -> None:
    from ganlab.architectures.dcgan import DcganSettings, build_dcgan
    from ganlab.card import Card
    from ganlab.gan import Gan
    from ganlab.imagespec import ImageSpec
    from ganlab.latents import Prior

    shape = {"size": 16, "channels": 1, "width": 2, "z_dim": 4, "kernel": 4}
    card = Card("tiny", architecture={"name": "dcgan", **shape})
    generator, discriminator = build_dcgan(DcganSettings(**shape), 0)
    gan = Gan(generator, discriminator, prior=Prior(4), image=ImageSpec(16, 1), card=card)
    save_result(a_result(gans={"edited": gan}), tmp_path / "run")
    back = load_result(tmp_path / "run")
    assert back.gans["edited"].hash == gan.hash
    assert json.loads(back.to_json())["gans"] == {"edited": {"folder": "gans/edited", "hash": gan.hash}}


# --- figures that move


def moving(**changes: Any) -> Figure:
    frames = [picture((value, 40, 90)) for value in (0, 60, 60, 60, 200, 200)]
    return Figure(**({"image": frames[0], "caption": "It moves.", "frames": frames, "seconds": 0.04} | changes))


def test_frames_come_back_as_they_were_in_the_same_bytes(tmp_path: Path) -> None:
    result = a_result(figures={"still": Figure(picture(), "Still."), "walk": moving()})
    for name in ("a", "b"):
        save_result(result, tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert {"figures/walk.png", "figures/walk.webp", "figures/still.png"} <= set(contents(tmp_path / "a"))
    back = load_result(tmp_path / "a")
    assert back.to_json() == result.to_json()
    assert [frame.tobytes() for frame in back.figures["walk"].frames] == [
        frame.tobytes() for frame in result.figures["walk"].frames
    ]
    assert back.figures["walk"].seconds == 0.04
    assert not back.figures["still"].frames
    with Image.open(tmp_path / "a/figures/walk.webp") as animation:
        assert animation.info["loop"] == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frames": [picture()]}, "two or more"),
        ({"frames": [picture(), Image.new("RGB", (3, 3))]}, "one size"),
        ({"frames": [picture(), Image.new("L", (6, 4))]}, "RGB"),
        ({"frames": [picture(), np.zeros((4, 6, 3))]}, "RGB"),
        ({"seconds": 0.0}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
    ],
)
def test_frames_that_are_none_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        a_result(figures={"walk": moving(**changes)}).check()


def test_a_damaged_animation_is_refused(tmp_path: Path) -> None:
    save_result(a_result(figures={"walk": moving()}), tmp_path / "run")
    file = tmp_path / "run/figures/walk.webp"
    whole = file.read_bytes()
    for content in (b"RIFF", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(GanlabError, match="damaged"):
            load_result(tmp_path / "run")
    file.unlink()
    with pytest.raises(GanlabError, match=r"walk\.webp is missing"):
        load_result(tmp_path / "run")


def test_what_moves_moves_on_the_page(tmp_path: Path) -> None:
    page, found = page_of(a_result(figures={"walk": moving()}), tmp_path / "run")
    assert [source.partition(",")[0] for source in found.sources] == ["data:image/webp;base64"]
    assert "figures/walk.webp" in found.links
    assert "It moves." in page


# --- where it may go


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(FolderTaken, match="already holds") as caught:
        save_result(a_result(), tmp_path / "full")
    assert "does not exist yet" in caught.value.hint  # no option named: `plugins new` calls it --folder
    save_result(a_result(), tmp_path / "run")
    with pytest.raises(FolderTaken):
        save_result(a_result(), tmp_path / "run")
    assert contents(tmp_path / "full") == {"mine.txt": b"mine"}
    with pytest.raises(GanlabError, match="is a file"):
        check_new_folder(tmp_path / "full/mine.txt")
    with pytest.raises(GanlabError, match=r"cannot be written: .*mine\.txt is a file"):
        check_new_folder(tmp_path / "full/mine.txt/below")


def test_an_empty_folder_is_filled_in_place(tmp_path: Path) -> None:
    before = tmp_path.stat().st_ino
    assert save_result(a_result(), tmp_path) == tmp_path
    assert tmp_path.stat().st_ino == before
    assert load_result(tmp_path).summary == a_result().summary


def test_somebody_else_took_the_number_meanwhile(tmp_path: Path) -> None:
    folder = new_run_folder("probe", "rooms-64", tmp_path)
    assert folder == tmp_path / "probe/rooms-64-0001"
    save_result(a_result(), folder)
    with pytest.raises(FolderTaken):
        save_result(a_result(), folder)
    assert save_result(a_result(), folder, renumber=True) == tmp_path / "probe/rooms-64-0002"
    (tmp_path / "probe/rooms-64-0041").mkdir()
    (tmp_path / "probe/rooms-64-x").mkdir()
    assert new_run_folder("probe", "rooms-64", tmp_path).name == "rooms-64-0042"
    assert new_run_folder("probe", "../a b", tmp_path).name == "a-b-0001"


def test_runs_go_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path))
    assert new_run_folder("probe", "x") == tmp_path / "probe/x-0001"
    monkeypatch.delenv("GANLAB_RUNS")
    assert new_run_folder("probe", "x") == Path("runs/probe/x-0001")


def test_an_error_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("ganlab.page.render", fail)
    with pytest.raises(KeyboardInterrupt):
        save_result(a_result(), tmp_path / "new/run")
    assert not any(tmp_path.iterdir())
    (tmp_path / "empty").mkdir()
    with pytest.raises(KeyboardInterrupt):
        save_result(a_result(), tmp_path / "empty")
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    big = a_result(arrays={"noise": np.random.default_rng(0).random(100_000)})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    try:
        with pytest.raises(GanlabError, match="could not be written: File too large") as caught:
            save_result(big, tmp_path / "run")
        with pytest.raises(GanlabError, match="File too large"):
            write_file(tmp_path / "file", bytes(300_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.hint
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(GanlabError, match="cannot be written"):
        check_new_folder(tmp_path / "shut/run")


def test_a_folder_taken_while_it_was_filled_is_left_alone(tmp_path: Path) -> None:
    def race() -> None:
        with new_folder(tmp_path / "run") as temporary:
            (temporary / "mine").write_text("x")
            (tmp_path / "run").mkdir()
            (tmp_path / "run/theirs").write_text("y")

    with pytest.raises(FolderTaken):
        race()
    assert contents(tmp_path) == {"run/theirs": b"y"}


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "a/b.json", b"one")
    write_file(tmp_path / "a/b.json", b"two")
    assert contents(tmp_path) == {"a/b.json": b"two"}
    with pytest.raises(GanlabError, match="could not be written"):
        write_file(tmp_path / "a", b"x")
    assert contents(tmp_path) == {"a/b.json": b"two"}


# --- reading what is damaged


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("result.json", None),
        ("result.json", b"{"),
        ("result.json", b"[]"),
        ("result.json", b'{"format": 99}'),
        ("arrays.npz", b"PK nothing"),
        ("arrays.npz", None),
        ("figures/rows.png", b"\x89PNG"),
        ("figures/rows.png", None),
        ("more/filters.json", None),
    ],
)
def test_a_damaged_run_is_refused_in_one_sentence(tmp_path: Path, file: str, content: bytes | None) -> None:
    save_result(a_result(), tmp_path / "run")
    path = tmp_path / "run" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GanlabError) as caught:
        load_result(tmp_path / "run")
    assert "\n" not in caught.value.message
    assert caught.value.hint


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_byte_never_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("run")
    save_result(a_result(), folder)
    path = folder / data.draw(st.sampled_from(["result.json", "arrays.npz", "figures/rows.png"]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with suppress(GanlabError):
        load_result(folder)


# --- the page


class Checker(HTMLParser):
    """Collects what a page refers to and whether its elements close."""

    VOID = frozenset({"meta", "img", "link", "br", "line", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name == "src"]
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def page_of(result: Result, folder: Path, **more: Any) -> tuple[str, Checker]:
    save_result(result, folder, **more)
    page = (folder / "index.html").read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    return page, checker


def test_the_page_needs_nothing_from_anywhere(tmp_path: Path) -> None:
    page, found = page_of(a_result(), tmp_path / "run", environment=environment(device="cpu", seconds=1.5))
    assert "script" not in found.tags
    assert "link" not in found.tags
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    assert len(found.sources) == 1
    assert not re.search(r"https?://|@import|url\(", page)
    for link in found.links:
        assert (tmp_path / "run" / link).exists()


def test_the_page_says_what_the_result_says(tmp_path: Path) -> None:
    page, _ = page_of(a_result(), tmp_path / "run", command="ganlab probe windows --drop")
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
    for said in [
        "Dropping 3 filters took windows from 62% to 4%.", "share of pictures with a window", "0.020 to 0.080",
        "0.460 less", "its interval does not hold the control", "No control: it is the control", "Rows of pictures.",
        "Judged by nobody.", "ganlab probe windows --drop", "up16", "3fa9c1d2e4b0",
        "weights 2 \N{MULTIPLICATION SIGN} 3",
    ]:  # fmt: skip
        assert said in text, said


def test_whatever_a_result_says_stays_text_on_the_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'&"
    result = Result(
        summary=evil,
        metrics={evil: Metric(1.0, no_control=evil, about=evil), "b": Metric(2.0, control=evil)},
        tables={evil: Table([evil], [[evil]], evil)},
        figures={"f": Figure(picture(), evil)},
        notes=[evil],
        record={"analysis": evil, "options": {evil: evil, "more": {"a": [evil]}}, "gan": {"name": evil, "hash": evil}},
    )
    page, found = page_of(
        result, tmp_path / "run", command=evil, environment={"device": evil, "versions": {evil: evil}}
    )
    assert "script" not in found.tags
    assert "<script" not in page


def test_the_least_result_has_a_page(tmp_path: Path) -> None:
    page, _ = page_of(Result("Nothing much."), tmp_path / "run")
    assert "Nothing much." in page
    assert "The numbers" not in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0412, "0.041"), (0.62, "0.620"), (-3.25, "\N{MINUS SIGN}3.25"), (12345.6, "12346"), (19, "19"),
        (123456, "123 456"), (-2, "\N{MINUS SIGN}2"), (0.0, "0"), (1e-7, "1e\N{MINUS SIGN}07"), (True, "yes"),
        (None, ""), ("up16", "up16"), (1.0, "1"), (99.96, "100"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value: Any, text: str) -> None:
    assert number(value) == text


def test_the_same_pixels_give_the_same_png_whatever_the_picture_carries() -> None:
    plain, laden = picture(), picture()
    laden.info = {"Software": "x", "timestamp": "now", "icc_profile": b"junk"}
    assert png_bytes(plain) == png_bytes(laden)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ((1.0, None, None), (1.0, None, None), "the same"),
        ((3.0, None, None), (1.0, None, None), "2 more"),
        ((1.0, 0.5, 1.5), (3.0, 2.5, 3.5), "2 less; the intervals do not overlap"),
        ((1.0, 0.5, 2.6), (3.0, 2.5, 3.5), "2 less; the intervals overlap"),
        ((1.0, None, None), (3.0, 2.5, 3.5), "2 less; outside the control's interval"),
        ((3.0, None, None), (3.5, 2.5, 3.6), "0.500 less; within the control's interval"),
        ((3.0, 1.0, 4.0), (3.5, None, None), "0.500 less; its interval holds the control"),
    ],
)
def test_a_comparison_is_said_in_words(one: Any, other: Any, words: str, tmp_path: Path) -> None:
    metrics = {
        "value": Metric(*one, control="other"),
        "other": Metric(*other, no_control="it is the control"),
    }
    page, _ = page_of(Result("One.", metrics=metrics), tmp_path / "run")
    assert f"<small>{words}</small>" in unescape(page)


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 50), (50, 50), (1, 1)])
def test_a_shares_interval_is_wilsons(right: int, n: int) -> None:
    share = Metric.of_share(np.arange(n) < right, no_control="a test")
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert (share.value, share.n) == (right / n, n)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
