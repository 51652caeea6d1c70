"""Streams keep draws apart: each number is taken once, within the counter's range, and a shuffle is one function."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganlab import random_bits, shuffled
from ganlab.errors import GanlabError
from ganlab.latents import FREE_STREAMS, STREAM_ANALYSIS, Prior

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("ganlab", "plugins", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
TAKES_A_STREAM = {"random_bits": 3, "shuffled": 2}  # the place of the argument


def streams(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name and number of every constant that is called STREAM or STREAM_..., one by one or in a dictionary."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value:
            yield from _assigned(node.target, node.value)


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, int]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=False):  # of another length where one is starred
            yield from _assigned(one, its)
    elif isinstance(target, ast.Name) and target.id.partition("_")[0] == "STREAM":
        numbers = ast.literal_eval(value)
        named = numbers.items() if isinstance(numbers, dict) else [("", numbers)]
        yield from ((f"{target.id} {name}".strip(), number) for name, number in named)


def unnamed(tree: ast.AST) -> Iterator[int]:
    """The lines of draws on a stream that is written as a number, where no list of constants would show it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            place = TAKES_A_STREAM.get(called, len(node.args))
            given = node.args[place : place + 1] + [word.value for word in node.keywords if word.arg == "stream"]
            if any(isinstance(one, ast.Constant) for one in given):
                yield node.lineno


def test_the_constants_are_found_however_they_are_written() -> None:
    source = (
        "STREAM_A = 1\nSTREAM_B, STREAM_C = 2, 3\nSTREAM = {'x': 4, 'y': 5}\nSTREAM: int = 6\nSTREAMS, other = 7, 8"
    )
    found = [("STREAM_A", 1), ("STREAM_B", 2), ("STREAM_C", 3), ("STREAM x", 4), ("STREAM y", 5), ("STREAM", 6)]
    assert list(streams(ast.parse(source))) == found
    drawn = "random_bits(s, i, 1, 7)\nganlab.shuffled(9, s, stream=8)\nrandom_bits(s, i, 1, STREAM_A)\nshuffled(9, s)"
    assert list(unnamed(ast.parse(drawn))) == [1, 2]


def test_no_two_purposes_share_a_stream() -> None:
    found = [stream for path in FILES for stream in streams(ast.parse(path.read_bytes()))]
    assert len(found) >= 25
    twice = {number for number, times in Counter(number for _, number in found).items() if times > 1}
    assert not [stream for stream in found if stream[1] in twice]
    assert all(0 <= number < FREE_STREAMS.start for _, number in found)  # beyond lie those of other people's plugins


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_stream_has_a_name(path: Path) -> None:
    assert not list(unnamed(ast.parse(path.read_bytes())))


def test_the_guide_says_which_streams_are_free() -> None:
    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert f"from {FREE_STREAMS.start} to 2**32 - 1" in guide
    assert FREE_STREAMS[-1] == 2**32 - 1
    random_bits(0, np.arange(2), 1, FREE_STREAMS[-1])


@pytest.mark.parametrize(
    ("words", "stream", "said"),
    [(1, -1, "stream"), (1, 2**32, "stream"), (-1, 3, "words"), (2**34 + 1, 3, "words")],
)
def test_what_does_not_fit_into_the_counter_is_told(words: int, stream: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        random_bits(0, np.arange(1), words, stream)


@pytest.mark.parametrize("index", [[2**63], [10**20], np.array([2**63], np.uint64), [-1]])
def test_an_index_out_of_range_is_told(index: list[int]) -> None:
    with pytest.raises(GanlabError, match="index"):
        Prior(2).at(index, 0)


@pytest.mark.parametrize("index", [[0.5], [float("nan")], np.array([1.0])])
def test_an_index_that_is_no_integer_is_not_rounded(index: list[float]) -> None:
    with pytest.raises(TypeError, match="integers"):
        random_bits(0, np.array(index), 1)


def test_no_index_gives_no_bits() -> None:
    assert random_bits(0, np.array([]), 3).shape == (0, 3)
    assert random_bits(0, np.arange(2), 0).shape == (2, 0)


# shuffled


@given(rows=st.lists(st.integers(0, 2**62), max_size=30), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=50)
def test_a_shuffle_orders_rows_by_bits_of_their_own(rows: list[int], seed: int) -> None:
    array = np.array(rows, np.int64)
    bits = [int(random_bits(seed, np.array([row]), 1, STREAM_ANALYSIS)[0, 0]) for row in rows]
    expected = [row for _, row in sorted(zip(bits, rows, strict=True), key=lambda pair: pair[0])]
    assert shuffled(array, seed).tolist() == expected


def test_a_count_means_the_rows_from_0() -> None:
    order = shuffled(50, 4, 10_000)
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() == shuffled(np.arange(50), 4, 10_000).tolist()
    assert order.tolist() != shuffled(50, 4, 10_001).tolist()
    assert shuffled(0, 4).tolist() == []


def test_a_row_keeps_its_place_among_the_others() -> None:
    """Whatever else is shuffled with them: the even rows come in the order that they have among all."""
    order = shuffled(60, 7)
    assert shuffled(np.arange(0, 60, 2), 7).tolist() == [row for row in order.tolist() if row % 2 == 0]


def test_shuffles_are_pinned() -> None:
    assert shuffled(10, 0).tolist() == [3, 9, 7, 6, 1, 4, 5, 8, 0, 2]
