"""Results: the contract, to the disk and back, and what is damaged there."""

from __future__ import annotations

import json
import math
import os
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ganlab.errors import GanlabError
from ganlab.results import Figure, Metric, Result, Table
from ganlab.runs.environment import environment
from ganlab.runs.folders import load_result, save_result

from .kit import read_or_refused
from .results_kit import a_result, contents, picture

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
        ({"metrics": {"a": Metric(1.0, no_control="  ")}}, "either control"),
        (
            {"metrics": {"a": Metric(1.0, control="b", no_control="x"), "b": Metric(1, no_control="x")}},
            "either control",
        ),
        ({"metrics": {"a": Metric(1.0, control="b")}}, "no other metric"),
        ({"metrics": {"a": Metric(1.0, control="a")}}, "no other metric"),
        ({"metrics": {"a": Metric(1.0, low=2.0, high=1.0, no_control="x")}}, "ends before"),
        (
            {"metrics": {"a": Metric(0.55, 0.6, 0.7, no_control="x")}},
            "'a' .* it is 0.55, outside of its interval 0.6 to",
        ),
        ({"metrics": {"a": Metric(0.55, 0.4, 0.5, no_control="x")}}, "it is 0.55, outside of its interval 0.4 to 0.5"),
        ({"metrics": {"a": Metric(0.55, high=0.5, no_control="x")}}, "it is 0.55, outside of its interval None to 0.5"),
        (
            {"metrics": {name: Metric(1.0, control=other) for name, other in ("ab", "ba")}},
            "each other .*: 'a' -> 'b' -> 'a'",
        ),
        (
            {"metrics": {name: Metric(1.0, control=other) for name, other in ("da", "ab", "bc", "ca")}},
            "'a' .* each other show nothing: 'a' -> 'b' -> 'c' -> 'a'",
        ),
        ({"metrics": {"a": Metric(1.0, control="b"), "b": 1.0}}, "not a Metric"),
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
        ({"notes": "one of letters"}, "sentences"),
        ({"notes": {"one": "by its name"}}, "sentences"),
        ({"command": ["ganlab"]}, "the command is a list"),
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


def test_rounding_and_chains_of_controls_are_no_fault() -> None:
    """A mean that was summed in another order than the ends of its interval; a control that has a control."""
    third = 0.1 + 0.2
    metrics = {
        "a": Metric(third, 0.2, 0.3, control="b"),
        "b": Metric(-1e12 - 1e-4, -1e12, control="c"),
        "c": Metric(0.3, third, no_control="it is the control"),
    }
    a_result(metrics=metrics).check()


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


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
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


def test_the_command_is_read_back_and_kept_on_the_way(tmp_path: Path) -> None:
    save_result(a_result(), tmp_path / "typed", command="ganlab probe windows")
    result = load_result(tmp_path / "typed")
    assert result.command == "ganlab probe windows"
    assert result.to_json() == a_result().to_json()
    save_result(result, tmp_path / "again")
    assert load_result(tmp_path / "again").command == "ganlab probe windows"
    assert "ganlab probe windows" in (tmp_path / "again/index.html").read_text(encoding="utf-8")
    save_result(result, tmp_path / "other", command="ganlab walk")
    assert load_result(tmp_path / "other").command == "ganlab walk"
    assert load_result(save_result(a_result(), tmp_path / "python")).command == ""
    (tmp_path / "typed/environment.json").unlink()
    assert load_result(tmp_path / "typed").command == ""


def test_two_runs_are_the_same_bytes_but_for_the_environment(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "deep/er/b"
    save_result(a_result(), first, command="ganlab probe windows", environment={})
    save_result(a_result(), second, command="ganlab probe windows", environment={})
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
        "import sys; from ganlab.results import *; from ganlab.runs.folders import *; "
        "import ganlab.figures, ganlab.labels.boxes, ganlab.runs.environment\n"
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


@pytest.mark.parametrize(
    "changes",
    [
        {"gans": {"a": {"folder": "planted_by_a_stranger:make", "hash": ""}}},
        {"gans": {"../elsewhere": {"folder": "gans/../elsewhere", "hash": ""}}},
        {"files": ["../secret"]},
        {"files": ["/secret"]},
        {"figures": {"../../secret": {"file": "figures/../../secret.png", "caption": "x"}}},
        {"figures": {"/secret": {"file": "/secret", "caption": "x"}}},
    ],
)
def test_a_strangers_run_executes_nothing_and_reads_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    run = save_result(a_result(), tmp_path / "run")
    (run / "planted_by_a_stranger.py").write_text("open('executed', 'w')\n\ndef make(): ...\n")
    (tmp_path / "secret").write_bytes(b"secret")
    changes = json.loads(json.dumps(changes).replace('"/secret', f'"{tmp_path}/secret'))
    (run / "result.json").write_text(json.dumps(json.loads((run / "result.json").read_text()) | changes))
    monkeypatch.chdir(run)
    monkeypatch.syspath_prepend(run)
    opened: list[str] = []
    really = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path.name) or really(path))
    with pytest.raises(GanlabError) as caught:
        load_result(".")
    assert "\n" not in caught.value.message
    assert not Path("executed").exists()
    assert "secret" not in opened


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_byte_never_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("run")
    save_result(a_result(), folder)
    path = folder / data.draw(st.sampled_from(["result.json", "arrays.npz", "figures/rows.png"]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with read_or_refused():
        assert isinstance(load_result(folder), Result)
