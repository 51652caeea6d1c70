"""Figures: every pixel where it belongs, and the same pixels each time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganlab import figures
from ganlab.figures import axes, grids, lettering
from ganlab.figures.grids import MARK

RNG = np.random.default_rng(0)
ROOMS = RNG.integers(0, 255, (7, 16, 16, 3), dtype=np.uint8)


@given(n=st.integers(1, 9), columns=st.integers(1, 5), scale=st.integers(1, 3), pad=st.integers(0, 3))
def test_a_grid_holds_every_picture_at_its_place(n: int, columns: int, scale: int, pad: int) -> None:
    images = RNG.integers(0, 255, (n, 4, 5, 3), dtype=np.uint8)
    sheet = np.asarray(figures.grid(images, columns, scale=scale, pad=pad))
    rows = -(-n // columns)
    assert sheet.shape == (rows * (4 * scale + pad) + pad, columns * (5 * scale + pad) + pad, 3)
    for number, image in enumerate(images):
        y = pad + number // columns * (4 * scale + pad)
        x = pad + number % columns * (5 * scale + pad)
        shown = sheet[y : y + 4 * scale, x : x + 5 * scale]
        np.testing.assert_array_equal(shown[::scale, ::scale], image)
        np.testing.assert_array_equal(shown[scale - 1 :: scale, scale - 1 :: scale], image)


def test_grey_is_grey_and_transparency_shows_a_checkerboard() -> None:
    grey = np.asarray(figures.grid(ROOMS[:1, ..., :1], 1, pad=0))
    np.testing.assert_array_equal(grey, np.repeat(ROOMS[0, ..., :1], 3, axis=2))
    cover = np.zeros((1, 16, 16, 1), np.uint8)
    cover[:, :8] = 255
    half = np.asarray(figures.grid(np.concatenate([ROOMS[:1], cover], axis=3), 1, pad=0))
    np.testing.assert_array_equal(half[:8], ROOMS[0, :8])
    assert {tuple(pixel) for pixel in half[8:].reshape(-1, 3)} == {(238, 238, 238), (204, 204, 204)}


@pytest.mark.parametrize("images", [ROOMS.astype(float), ROOMS[0], ROOMS[:0], ROOMS.astype(np.int64)])
def test_what_is_no_pictures_is_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        figures.grid(images, 2)


def test_rows_hold_each_picture_below_its_counterpart() -> None:
    sheet = np.asarray(figures.labelled_rows({"original": ROOMS, "dropped": 255 - ROOMS}, scale=2, pad=2))
    height = 16 * 2 + 4
    assert sheet.shape[0] == 2 * height
    left = sheet.shape[1] - (7 * 34 + 2)
    assert left > 40, "there is room for the captions"
    for row, pictures in enumerate([ROOMS, 255 - ROOMS]):
        for number, picture in enumerate(pictures):
            y, x = row * height + 2, left + 2 + number * 34
            np.testing.assert_array_equal(sheet[y : y + 32 : 2, x : x + 32 : 2], picture)
        assert (sheet[row * height : (row + 1) * height, :left] < 128).any(), "the caption is written"


def test_more_pictures_than_columns_go_on_below() -> None:
    one = figures.labelled_rows({"a": ROOMS, "b": ROOMS[:3]}, columns=4)
    assert one.height == 20 * 3 + 18, "the second block has no row for a caption without pictures"
    assert (
        figures.labelled_rows({"a": ROOMS}, title="What one sees").height > figures.labelled_rows({"a": ROOMS}).height
    )
    long = figures.labelled_rows({"thirty-five random filters dropped in the last layer": ROOMS})
    assert long.height > 60, "the caption is broken into lines, none of them cut"
    assert long.width < 7 * 18 + 200
    with pytest.raises(ValueError, match="at least one row"):
        figures.labelled_rows({})


def test_heads_stand_above_the_columns_and_move_nothing_else() -> None:
    plain = np.asarray(figures.labelled_rows({"a": ROOMS[:3], "b": ROOMS[3:6]}, scale=4))
    headed = np.asarray(
        figures.labelled_rows({"a": ROOMS[:3], "b": ROOMS[3:6]}, scale=4, heads=["one", "two or more", ""])
    )
    above = headed.shape[0] - plain.shape[0]
    np.testing.assert_array_equal(headed[above:], plain)
    written = np.flatnonzero((headed[:above] < 255).any((0, 2)))
    left = plain.shape[1] - 3 * 66 - 2
    assert written.min() > left
    assert written.max() < left + 2 * 66  # nothing above the third
    assert above > figures.labelled_rows({"a": ROOMS[:3]}, scale=4, heads=["one"]).height - 66 - 2  # in two lines


def test_a_head_wider_than_the_last_column_is_not_cut() -> None:
    plain = figures.labelled_rows({"a": ROOMS[:3]}, heads=["", "", "x"])
    sheet = np.asarray(figures.labelled_rows({"a": ROOMS[:3]}, heads=["", "", "moustache"]))
    assert sheet.shape[1] > plain.width
    assert (sheet[:, -1] == 255).all()
    right = sheet.shape[1] - np.flatnonzero((sheet < 255).any((0, 2))).max()
    assert right <= 6, "no wider than the head needs"


def test_names_in_words() -> None:
    assert figures.in_words("man_with_glasses") == "man with glasses"
    assert figures.in_words("0:3,0:8") == "0:3 0:8"


def test_words_below_stand_under_their_column_in_every_block() -> None:
    rows = {"a": ROOMS[:3], "b": ROOMS[3:6]}
    plain = np.asarray(figures.labelled_rows(rows, scale=4, columns=2))
    sheet = np.asarray(figures.labelled_rows(rows, scale=4, columns=2, below=["one", "two\nlines", ""]))
    block, step = 2 * (16 * 4 + 4), 16 * 4 + 2
    foot = (sheet.shape[0] - plain.shape[0]) // 2
    assert foot > 30, "room for two lines, below each of the two blocks"
    np.testing.assert_array_equal(sheet[:block], plain[:block])
    np.testing.assert_array_equal(sheet[block + foot : -foot], plain[block:])
    left = plain.shape[1] - 2 * step - 2
    written = (sheet[block : block + foot] < 255).any(2)
    assert not written[:, :left].any()
    for column, lines in enumerate([1, 2]):
        part = written[:, left + column * step : left + (column + 1) * step]
        assert part.any()
        assert part[foot // 2 :].any() == (lines == 2)
    assert (sheet[-foot:] == 255).all(), "the third has nothing below it"


def test_drawings_stand_beside_each_other_in_the_middle() -> None:
    tall, low = figures.grid(ROOMS[:3], 1), figures.grid(ROOMS[3:5], 2)
    sheet = np.asarray(figures.beside({"": tall, "x": low}, gap=10))
    assert sheet.shape[1] == tall.width + 10 + low.width
    np.testing.assert_array_equal(sheet[4 : 4 + tall.height, : tall.width], np.asarray(tall))
    found = sheet[:, tall.width + 10 :]
    places = [y for y in range(len(found) - low.height) if np.array_equal(found[y : y + low.height], np.asarray(low))]
    assert len(places) == 1
    assert 0 < places[0] < tall.height - low.height + 20


def test_a_numbered_grid_keeps_the_pictures() -> None:
    sheet = np.asarray(figures.numbered_grid(ROOMS, 3, first=12, scale=2))
    left, top = sheet.shape[1] - (3 * 34 + 2), sheet.shape[0] - (3 * 34 + 2)
    np.testing.assert_array_equal(sheet[top + 2 : top + 34 : 2, left + 2 : left + 34 : 2], ROOMS[0])
    np.testing.assert_array_equal(sheet[top + 70 : top + 102 : 2, left + 2 : left + 34 : 2], ROOMS[6])
    assert (sheet[top:, :left] < 128).any()
    assert (sheet[:top, left:] < 160).any()
    other = np.asarray(figures.numbered_grid(ROOMS, 3, first=13, scale=2))
    assert (other != sheet).any(), "the numbers differ"


def test_heat_colours_where_the_map_is_high() -> None:
    strength = np.zeros((4, 4))
    strength[0, 3] = 1
    shown = np.asarray(figures.heat(ROOMS[0], strength, scale=2))
    np.testing.assert_array_equal(shown[8::2, ::2], ROOMS[0, 4:])
    corner = shown[:8:2, 24::2].astype(int)
    wanted = (ROOMS[0, :4, 12:] * (65 / 255) + np.array(MARK) * (190 / 255)).round()
    assert np.abs(corner - wanted).max() <= 1
    mask = strength.astype(bool)
    np.testing.assert_array_equal(np.asarray(figures.heat(ROOMS[0], mask, scale=2)), shown)
    with pytest.raises(ValueError, match="0 to 1"):
        figures.heat(ROOMS[0], strength * 2)


def test_boxes_are_drawn_around_what_they_hold() -> None:
    shown = np.asarray(figures.outline_boxes(ROOMS[0], [(4, 2, 6, 8)], scale=3))
    assert tuple(shown[6, 12]) == MARK
    assert tuple(shown[29, 29]) == MARK
    np.testing.assert_array_equal(shown[9:27:3, 15:27:3], ROOMS[0, 3:9, 5:9])
    np.testing.assert_array_equal(shown[::3, 30::3], ROOMS[0, :, 10:])
    figures.outline_boxes(ROOMS[0], [(4, 2, 0.1, 0.1), (-3, -3, 400, 400)])


@pytest.mark.parametrize(
    ("places", "named"),
    [
        ([0, 22, 43, 65, 86, 108, 113, 129], [0, 22, 43, 65, 86, 108, 129]),
        ([0, 50, 97, 100], [0, 50, 100]),  # the last is named
        ([0, 1, 2, 3, 4, 100], [0, 4, 100]),
        ([-1.0, -0.5, 0.0, 0.5, 1.0], [-1.0, -0.5, 0.0, 0.5, 1.0]),
        ([7], [7]),
    ],
)
def test_names_on_an_axis_do_not_run_into_each_other(places: list[float], named: list[float]) -> None:
    assert axes.with_room(np.array(places)).tolist() == named


def test_a_level_is_a_line_with_its_band_and_no_dots() -> None:
    plot = figures.curve([0, 1, 2], {}, levels={"chance": (0.5, 0.4, 0.6)}, xlabel="", ylabel="")
    pixels = np.asarray(plot, int)
    blue = pixels[..., 2] - pixels[..., 0]
    columns = np.flatnonzero((blue > 100).any(0))
    middle = slice(columns[5], columns[-5])
    assert len(set((blue > 100).sum(0)[middle])) == 1, "as thick everywhere"
    assert (blue[:, middle] > 10).sum(0).min() > 100, "within the band"


def test_a_level_covers_no_measured_line() -> None:
    plot = figures.curve(
        [0, 1, 2], {"a": ([0, 0.5, 1], None, None)}, levels={"b": (0.5, 0.4, 0.6)}, xlabel="", ylabel=""
    )
    alone = figures.curve([0, 1, 2], {"a": ([0, 0.5, 1], None, None)}, xlabel="", ylabel="")
    blue = [((pixels := np.asarray(one, int))[..., 2] - pixels[..., 0] > 140).sum() for one in (plot, alone)]
    assert blue[0] >= blue[1]  # and more in the legend


def test_lines_differ_in_more_than_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(axes, "COLOURS", ("#000000",))
    for n in (5, 100, 500):
        x = np.arange(n)
        drawn = [
            np.asarray(figures.curve(x, {"a": series, "b": other}, xlabel="", ylabel=""))
            for series, other in (((x, None, None), (-x, None, None)), ((-x, None, None), (x, None, None)))
        ]
        assert (drawn[0] != drawn[1]).any(), n


@pytest.mark.parametrize("share", [0.4, 0.5, 0.55, 0.65, 0.9])
def test_numbers_in_a_matrix_stand_out(share: float) -> None:
    from matplotlib import colormaps

    def light(colour: tuple[float, ...]) -> float:
        return sum(w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for w, c in zip(
            (0.2126, 0.7152, 0.0722), colour, strict=True
        ))  # fmt: skip

    cell = light(colormaps["Blues"](share)[:3])
    letters = {"white": 1.0, "#1c1f24": light((28 / 255, 31 / 255, 36 / 255))}
    contrast = {name: (max(cell, one) + 0.05) / (min(cell, one) + 0.05) for name, one in letters.items()}
    assert contrast[axes.read_on(colormaps["Blues"](share)[:3])] == max(contrast.values()) > 4


def test_letters_that_the_font_lacks_are_spelt_out_and_others_are_not() -> None:
    spelt = lettering.spelt
    assert spelt("微笑 \U0001f9ff") == r"\u5fae\u7b11 \U0001f9ff"
    for words in ("улыбка", "ابتسامة", "חיוך", "χαμόγελο", "ça, Ærø - 'ok' ✓", "a\tb\u00a0c\u200b"):
        assert spelt(words) == words
    assert lettering.Text(100).broken("微笑の", 60) == [r"\u5fae", r"\u7b11", r"\u306e"], "no number is broken"
    rows = [figures.labelled_rows({name: ROOMS[:2]}) for name in ("微", "笑")]
    assert rows[0].tobytes() != rows[1].tobytes()
    plotted = [figures.bars({"": {name: 1.0}}, xlabel="") for name in ("微", "笑")]
    assert plotted[0].tobytes() != plotted[1].tobytes()


@pytest.mark.parametrize("steps", [5, 25, 41])
def test_heads_of_many_narrow_columns_do_not_overlap(steps: int) -> None:
    text, step = lettering.Text(steps * 34), 34
    words = [f"{t:+.3g}" for t in np.linspace(-1, 1, steps)]
    words[0] = f"Donaudampfschifffahrtskapitaen with a hat {words[0]}"
    named = {at: lines for at, lines in enumerate(grids._heads(text, words, step)) if lines}
    assert {0, steps - 1} <= set(named)
    halves = {at: max(map(text.width, lines)) / 2 for at, lines in named.items()}
    for one, other in pairwise(named):
        assert one * step + halves[one] < other * step - halves[other]
    assert "".join(named[0]).replace(" ", "") == words[0].replace(" ", "")


X = np.arange(5)
PLOTS: dict[str, Callable[[], Image.Image]] = {
    "curve": lambda: figures.curve(
        X, {"a": (X * 0.1, None, None), "b": (X, X - 1, X + 1)}, xlabel="filters", ylabel="share", marks={"90%": 3}
    ),
    "losses": lambda: figures.curve(
        np.arange(500), {"a": (np.sin(np.arange(500)), None, None)}, xlabel="x", ylabel="y"
    ),
    "single cases": lambda: figures.curve(
        X, {"a": (X, None, None)}, xlabel="x", ylabel="y", behind=np.outer(np.arange(6), X)
    ),
    "bars": lambda: figures.bars({"a": {"window": -5.0, "bed": 1.0}, "b": {"bed": (1.0, 0.0, 2.0)}}, xlabel="points"),
    "ranked": lambda: figures.ranked([3.0, -1.0, 2.0], xlabel="x", ylabel="y"),
    "matrix": lambda: figures.matrix(
        np.eye(3) * 0.8 + 0.1, ["a", "b", "c"], ["a", "b", "c"], xlabel="taken for", ylabel="is"
    ),
    "histogram": lambda: figures.histogram({"a": X, "b": X * 2.0}, xlabel="x", marks={"t": 1}),
}


@pytest.mark.parametrize("name", PLOTS)
def test_plots_are_the_same_pixels_each_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    first = PLOTS[name]()
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.dpi": 20}):  # a user's own settings
        again = PLOTS[name]()
        assert matplotlib.rcParams["font.size"] == 30, "and they stay as they were"
    assert first.mode == "RGB"
    assert first.tobytes() == again.tobytes()
    assert first.info == {"dpi": (192, 192)}
    assert len(np.unique(np.asarray(first))) > 10, "something is drawn"


def test_nothing_is_plotted_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="finite"):
        figures.curve([1, 2], {"a": ([1, float("nan")], None, None)}, xlabel="", ylabel="")


def test_a_confusion_is_the_matrix_of_the_parts_of_each_row() -> None:
    counts, names = np.array([[8, 2], [0, 0]]), ["cat", "dog"]
    shares = np.array([[0.8, 0.2], [0.0, 0.0]])  # a class without a picture has none
    same = figures.matrix(shares, names, names, xlabel="taken for", ylabel="is", title="t")
    assert figures.confusion(counts, names, title="t").tobytes() == same.tobytes()
    many = figures.confusion(np.eye(25, dtype=int), [f"class {n}" for n in range(25)])
    nameless = [""] * 25
    assert many.tobytes() == figures.matrix(np.eye(25), nameless, nameless, xlabel="taken for", ylabel="is").tobytes()


def test_a_matrix_is_darker_where_more_is_and_writes_few_rows_in() -> None:
    def drawn(values: np.ndarray) -> np.ndarray:
        names = [""] * len(values)
        return np.asarray(figures.matrix(values, names, names, xlabel="", ylabel=""), int)

    def dark(plot: np.ndarray) -> tuple[np.ndarray, ...]:
        return (plot[..., 2] - plot[..., 0] > 60).nonzero()

    rows, columns = dark(drawn(np.array([[0.0, 1.0], [0.0, 0.0]])))  # row 0 of the array is drawn at the top
    height, width = drawn(np.zeros((2, 2))).shape[:2]
    assert rows.max() < 0.6 * height
    assert columns.min() > 0.4 * width
    few, many = (drawn(np.full((n, n), 0.5)) for n in (24, 25))
    ink = [(plot.max(2) < 60).sum() for plot in (few, many)]
    assert ink[0] > 10 * max(1, ink[1]), "numbers are written into up to 24 rows"


def test_names_in_plots_are_text_not_mathematics() -> None:
    figures.bars({"$\\frac{a$ and $b": {"$x_1$": 1.0}}, xlabel="$", title="100% of $z$")


def test_a_long_label_beside_the_y_axis_is_not_cut() -> None:
    label = "shows smile and not glasses and not woman and not hat and not beard (%)"
    for plot in (
        figures.curve(X, {"a": (X, None, None)}, xlabel="x", ylabel=label),
        figures.ranked([3.0, -1.0, 2.0], xlabel="x", ylabel=label),
    ):
        pixels = np.asarray(plot)
        assert (pixels[:4] == 255).all()
        assert (pixels[-4:] == 255).all()


def test_a_power_is_a_straight_line_on_logarithmic_axes() -> None:
    x = 9 * 2.0 ** np.arange(11)
    plot = np.asarray(figures.curve(x, {"": (5 / x, None, None)}, xlabel="steps", ylabel="largest", log=True), int)
    blue = (plot[..., 2] - plot[..., 0] > 100).nonzero()
    slope, start = np.polyfit(blue[1], blue[0], 1)
    assert slope > 0.2, "it falls"
    assert np.abs(blue[0] - slope * blue[1] - start).max() < 12, "within the width of its dots"


def test_blocks_stand_beside_each_other_with_their_rows_in_one_line() -> None:
    grey = ROOMS[..., :1]  # lines of a row may differ in channels
    rows = [[ROOMS[:3], grey[:3]], [ROOMS[3:6], grey[3:6]]]
    inverted = [[255 - line for line in row] for row in rows]
    sheet = np.asarray(figures.blocks({"one": rows, "other": inverted}, ["a", "b\nbelow"], scale=2))
    places = []
    for block in (rows, inverted):
        for row in block:
            shown = np.asarray(figures.grid(np.concatenate([row[0], row[1].repeat(3, 3)]), 3, scale=2))
            windows = np.lib.stride_tricks.sliding_window_view(sheet, shown.shape)[:, :, 0]
            found = np.argwhere((windows[..., 0, 0:8, 0] == shown[0, 0:8, 0]).all(2))
            places += [tuple(at) for at in found if (windows[tuple(at)] == shown).all()]
    (y0, x0), (y1, x1), (y2, x2), (y3, x3) = places
    assert (y0, y1) == (y2, y3)
    assert (x0, x2) == (x1, x3)
    assert x2 > x0
    with pytest.raises(ValueError, match="every caption"):
        figures.blocks({"one": rows}, ["a"])


@pytest.mark.parametrize("text", ["é", "ñ", "ž", "ß", "Ж", "Ω", "א", "ع", "\N{MINUS SIGN}", "…"])
def test_letters_of_many_scripts_are_written_as_they_are(text: str) -> None:
    def drawn(letter: str) -> bytes:
        return np.asarray(figures.labelled_rows({letter: ROOMS}), np.uint8)[:, :40].tobytes()

    assert drawn(text) != drawn("\uffff"), "a box, as for what no font has"


def test_the_font_is_matplotlibs_even_where_that_keeps_it_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.font_manager import findfont

    lettering._font_file.cache_clear()
    assert Path(lettering._font_file()).samefile(findfont("DejaVu Sans"))
    lettering._font_file.cache_clear()
    monkeypatch.setattr(lettering, "find_spec", lambda _: None)
    assert Path(lettering._font_file()).samefile(findfont("DejaVu Sans"))
    lettering._font_file.cache_clear()


def test_writing_on_pictures_imports_no_matplotlib() -> None:
    code = "import sys; from ganlab import figures; figures.font(12); sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
