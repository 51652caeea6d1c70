"""Crop, size, channels, orientation and decoding."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ganlab.data import geometry
from ganlab.errors import GanlabError
from tests.data_kit import bomb_png, encoded, pixels

sides = st.integers(1, 90)
sizes = st.sampled_from([1, 8, 16, 17, 32])


@given(
    sides,
    sides,
    sizes,
    st.sampled_from([1, 3, 4]),
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]),
)
def test_always_a_square_of_uint8(width: int, height: int, size: int, channels: int, mode: str) -> None:
    array = geometry.square(Image.new(mode, (width, height)), size, channels)
    assert array.shape == (size, size, channels)
    assert array.dtype == np.uint8


@given(sides, sides, sizes)
def test_the_square_is_centred(width: int, height: int, size: int) -> None:
    """What lies outside the centred square, farther than the filter reaches, does not matter."""
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    assert 0 <= (width - side - left) - left <= 1
    assert 0 <= (height - side - top) - top <= 1
    reach = int(np.ceil(2 * max(1, side / size)))
    kept = np.s_[max(0, top - reach) : top + side + reach, max(0, left - reach) : left + side + reach]
    array = pixels(width * 100 + height, height, width)
    array[kept] = 200
    assert (geometry.square(Image.fromarray(array), size, 3) == 200).all()


@given(st.integers(16, 90), st.integers(16, 90), st.sampled_from([8, 16]))
def test_the_aspect_is_kept(width: int, height: int, size: int) -> None:
    """A ramp across and a ramp down keep the same slope: neither axis is stretched more than the other."""
    across = np.tile(np.arange(width, dtype=np.uint8), (height, 1))
    down = np.tile(np.arange(height, dtype=np.uint8)[:, None], (1, width))
    side = min(width, height)
    for ramp, axis in ((across, 1), (down, 0)):
        got = geometry.square(Image.fromarray(ramp), size, 1)[..., 0].astype(float)
        inner = np.diff(got, axis=axis)[2:-2, 2:-2] if size > 8 else np.diff(got, axis=axis)
        assert inner.mean() == pytest.approx(side / size, abs=0.15 * side / size + 0.2)


@given(st.integers(2, 40), st.integers(2, 40), sizes)
def test_a_mirrored_picture_gives_the_mirrored_square(half_width: int, half_height: int, size: int) -> None:
    width = 2 * half_width
    height = 2 * half_height
    image = Image.fromarray(pixels(width * 100 + height, height, width))
    plain = geometry.square(image, size, 3).astype(int)
    flipped = geometry.square(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), size, 3).astype(int)
    assert abs(plain - flipped[:, ::-1]).max() <= 1


@given(sizes)
def test_a_square_of_the_right_size_is_untouched(size: int) -> None:
    array = pixels(size, size, size)
    assert (geometry.square(Image.fromarray(array), size, 3) == array).all()


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((256, 256), np.uint8)
    stripes[:, ::2] = 255
    array = geometry.square(Image.fromarray(stripes), 32, 1)
    assert abs(array.astype(int) - 127).max() <= 6


def test_the_same_as_resizing_the_shorter_side_and_cropping() -> None:
    smooth = np.asarray(Image.fromarray(pixels(1, 6, 8)).resize((160, 120)))
    small = np.asarray(Image.fromarray(smooth).resize((40, 30), Image.Resampling.BICUBIC))
    assert abs(geometry.square(Image.fromarray(smooth), 30, 3).astype(int) - small[:, 5:35]).max() <= 2


def test_transparent_pixels_show_white_or_stay() -> None:
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    assert (geometry.square(clear, 8, 3) == 255).all()
    assert (geometry.square(clear, 8, 1) == 255).all()
    assert (geometry.square(clear, 8, 4) == (200, 0, 0, 0)).all()
    opaque = geometry.square(Image.new("RGB", (8, 8), (1, 2, 3)), 8, 4)
    assert (opaque == (1, 2, 3, 255)).all()


def test_colours_under_transparent_pixels_do_not_bleed() -> None:
    array = np.zeros((16, 16, 4), np.uint8)
    array[:, :8] = (255, 0, 0, 0)
    array[:, 8:] = (0, 0, 255, 255)
    assert geometry.square(Image.fromarray(array), 5, 4)[:, 2:, 0].max() <= 1


def test_a_palette_with_transparency() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, 10, 20, 30])
    image.info["transparency"] = 1
    assert (geometry.square(image, 4, 3) == 255).all()


def transparent(mode: str, width: int, height: int) -> Image.Image:
    """A smooth picture, some of it clear."""
    planes = np.random.default_rng(0).integers(0, 256, (5, 6, 4), dtype=np.uint8)
    smooth = Image.fromarray(planes).resize((width, height), Image.Resampling.BICUBIC)
    if mode == "I":  # dark at its top, where 8 bits would do
        array = np.asarray(smooth.convert("L"), np.int32) * 257
        array[:40] //= 1000
        grey = Image.fromarray(array)
        grey.info["transparency"] = int(array[100, 100])
        return grey
    if mode != "P":
        return smooth.convert(mode)
    indexed = smooth.convert("RGB").quantize(8)
    indexed.info["transparency"] = 3
    return indexed


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "I"])
def test_very_large_transparent_pictures_are_converted_in_strips(
    monkeypatch: pytest.MonkeyPatch, mode: str, channels: int
) -> None:
    """To the same pixels where nothing is shrunk to blocks or cut off before, else nearly so."""
    image = transparent(mode, 330, 211)
    cut = image.crop((59, 0, 59 + 211, 211))
    whole, part, ordinary = (geometry.square(*of, channels) for of in ((image, 211), (cut, 90), (image, 20)))
    converted: list[int] = []
    convert = geometry._convert
    monkeypatch.setattr(geometry, "LARGE", 211 * 211 - 1)
    monkeypatch.setattr(geometry, "STRIP", 211 * 16)
    monkeypatch.setattr(
        geometry, "_convert", lambda image, channels: converted.append(image.height) or convert(image, channels)
    )
    assert (geometry.square(image, 211, channels) == whole).all()
    assert (geometry.square(cut, 90, channels) == part).all()
    assert len(converted) == 2 * 14
    shrunk = geometry.square(image, 20, channels).astype(int)
    visible = ordinary[..., -1] > 60 if channels == 4 else np.full((20, 20), True)
    assert abs(shrunk - ordinary)[visible].mean() < 2
    assert max(converted) <= 16


def test_an_ordinary_picture_is_converted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometry, "_in_strips", None)
    geometry.square(Image.new("RGBA", (4096, 4096)), 8, 1)
    monkeypatch.setattr(geometry, "LARGE", 1)
    geometry.square(Image.new("RGB", (9, 9)), 8, 1)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_are_scaled_not_clipped(dtype: type) -> None:
    array = np.linspace(0, 65535, 64).reshape(8, 8).astype(dtype)
    assert (geometry.square(Image.fromarray(array), 8, 1)[..., 0] == array >> 8).all()
    stream = io.BytesIO()
    Image.fromarray(array.astype(np.uint16)).save(stream, "PNG")
    assert (geometry.square(geometry.decode_picture(stream.getvalue()), 8, 1)[..., 0] == array >> 8).all()


@pytest.mark.parametrize(
    "value",
    [
        np.full((4, 4), 0.5, np.float32),
        np.full((4, 4), 1 << 20, np.int32),
        np.full((4, 4), 255, np.int32),  # of 8 bits, or dark ones of 16
    ],
)
def test_pixels_of_unknown_range_are_refused(value: np.ndarray) -> None:
    with pytest.raises(geometry.Undecodable):
        geometry.square(Image.fromarray(value), 4, 3)


def test_dark_pixels_of_16_bits_have_a_range() -> None:
    for dark in (np.full((4, 4), 255, np.uint16), np.zeros((4, 4), np.int32)):
        assert (geometry.square(Image.fromarray(dark), 4, 1) == 0).all()


def test_impossible_sizes_and_channels() -> None:
    for size, channels in ((0, 3), (8, 2)):
        with pytest.raises(GanlabError):
            geometry.square(Image.new("RGB", (4, 4)), size, channels)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA"])
def test_formats(format: str) -> None:
    array = np.full((12, 16, 3), (200, 40, 90), np.uint8)
    got = geometry.square(geometry.decode_picture(encoded(array, format), 8), 8, 3)
    assert abs(got.astype(int) - (200, 40, 90)).max() <= 8


def test_postscript_is_no_picture() -> None:
    """Reading it would start another program on the file."""
    with pytest.raises(geometry.Undecodable):
        geometry.decode_picture(encoded(pixels(0), "EPS"))
    assert ".eps" not in geometry.suffixes()
    assert {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".ppm"} <= geometry.suffixes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    upright = Image.fromarray(np.kron(pixels(3, 2, 3), np.ones((16, 16, 1), np.uint8)))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how a camera held that way stores it
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    stored.save(stream, "PNG", exif=exif)
    decoded = geometry.decode_picture(stream.getvalue())
    assert (np.asarray(decoded) == np.asarray(upright)).all()
    assert (np.asarray(ImageOps.exif_transpose(decoded)) == np.asarray(upright)).all(), "it is turned once only"


def exif(*tags: tuple[int, int, int, bytes]) -> bytes:
    """Of tags (number, type, count, four bytes), little-endian."""
    entries = b"".join(struct.pack("<HHI", *tag[:3]) + tag[3].ljust(4, b"\0") for tag in sorted(tags))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


ON_ITS_SIDE = (0x0112, 3, 1, b"\x06")


@pytest.mark.parametrize(
    ("written", "turned"),
    [
        (exif(ON_ITS_SIDE, (0xA001, 2, 2, b"1")), True),  # the colour space as a text
        (exif(ON_ITS_SIDE, (0x0128, 2, 2, b"2")), True),  # the unit of the resolution
        (exif(ON_ITS_SIDE, (0x0132, 5, 1, b"\x08")), True),  # the date as a fraction
        (exif(ON_ITS_SIDE, (0x4746, 9, 1, b"\xff" * 4)), True),  # -1 stars
        (exif((0x0112, 2, 4, b"abcd")), False),
        (exif((0x0112, 3, 1, b"\x09")), False),
        (exif(ON_ITS_SIDE)[:20], False),
        (b"Exif\0\0garbage, no TIFF", False),
    ],
    ids=["text", "unit", "date", "stars", "no number", "ninth", "cut", "garbage"],
)
def test_odd_exif_is_no_reason_to_refuse_a_photograph(written: bytes, turned: bool) -> None:
    stream = io.BytesIO()
    Image.fromarray(pixels(0, 20, 28)).save(stream, "JPEG", exif=written)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow's words on it would stand in the terminal
        assert geometry.decode_picture(stream.getvalue()).size == ((20, 28) if turned else (28, 20))


def test_a_large_jpeg_is_decoded_coarsely_and_looks_the_same() -> None:
    large = Image.fromarray(pixels(5, 9, 12)).resize((1280, 960), Image.Resampling.BILINEAR)
    data = encoded(np.asarray(large), "JPEG")
    coarse = geometry.decode_picture(data, 32)
    assert coarse.size == (160, 120)  # an eighth; the shorter side is at least twice 32
    difference = geometry.square(coarse, 32, 3).astype(int) - geometry.square(geometry.decode_picture(data), 32, 3)
    assert abs(difference).mean() <= 2
    assert abs(difference).max() <= 20


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_coarse_jpeg_is_cut_where_the_whole_one_is(orientation: int) -> None:
    """Of 1031x805 pixels 129x101 are decoded, of the last ones a part: however it is turned, a PNG gives the same."""
    height, width = 805, 1031
    waves = 100 * np.sin(np.arange(width) / 40) * np.cos(np.arange(height) / 50)[:, None]
    smooth = Image.fromarray((127 + waves).round().astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    streams = io.BytesIO(), io.BytesIO()
    smooth.save(streams[0], "JPEG", quality=98, exif=exif)
    smooth.save(streams[1], "PNG", exif=exif)
    jpeg, png = (geometry.decode_picture(stream.getvalue(), 48) for stream in streams)
    assert sorted(jpeg.size) == [101, 129]
    assert sorted(png.size) == [805, 1031]
    difference = geometry.square(jpeg, 48, 1).astype(int) - geometry.square(png, 48, 1)
    assert abs(difference).max() <= 2


def test_a_very_large_photograph_is_no_decompression_bomb() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert geometry.decode_picture(bomb_png(10_400)).size == (10_400, 10_400)  # 108 megapixels; Pillow warns of 90
        with pytest.raises(geometry.Undecodable, match="too many pixels to decode, perhaps a decompression bomb"):
            geometry.decode_picture(bomb_png(13_400))


@pytest.mark.parametrize("clear", [1000, 0, 65535])
def test_the_grey_of_16_bits_that_is_transparent(clear: int) -> None:
    """That one alone: 1001 has the same upper bits as 1000."""
    array = np.array([[clear, 1000, 1001, 40_000], [0, 65535, 255, 256]], np.uint16).repeat(2, 0)
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG", transparency=clear)
    image = geometry.decode_picture(stream.getvalue())
    expected = np.where(array == clear, 255, array >> 8)
    assert (geometry.square(image, 4, 1)[..., 0] == expected).all()
    assert (geometry.square(image, 4, 4)[..., 3] == np.where(array == clear, 0, 255)).all()


@settings(max_examples=150)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF"]),
    st.integers(0, 10_000),
    st.integers(1, 8),
    st.booleans(),
)
def test_damaged_bytes_decode_or_are_called_undecodable(format: str, seed: int, flips: int, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(encoded(pixels(0), format))
    for place in rng.integers(0, len(data), flips):
        data[place] ^= int(rng.integers(1, 256))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(geometry.Undecodable):
            image = geometry.decode_picture(bytes(data[: rng.integers(len(data))] if cut else data))
            assert geometry.square(image, 16, 3).shape == (16, 16, 3)
