"""Damaged and hostile checkpoints of every format, each the same for the same number."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import mutations_hostile, mutations_torch
from tests.mutation_seeds import Seed, seeds

Lot = random.Random
ABSURD = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
BOMB = 64 << 20  # bytes that a bomb unpacks to


@dataclass(frozen=True)
class Case:
    """One checkpoint that was tampered with.

    Attributes:
        format: of the seed.
        what: was done to it.
        path: to open.
        canary: a file that exists only if code of the checkpoint ran, or it was unpacked where it wanted.
    """

    format: str
    what: str
    path: Path
    canary: Path


def make(number: int, folder: Path) -> Case:
    """Write the checkpoint of this number into an empty folder."""
    lot = Lot(number)
    canary = folder / "canary"
    inside = folder / "checkpoint"
    inside.mkdir()
    ways = [_bytes_changed, _bytes_changed, _member_changed, _state_changed, _hostile]
    for way in lot.sample(ways, len(ways)):
        case = way(number, lot, inside, canary)
        if case is not None:
            return case
    raise AssertionError("bytes can always be changed")


def _seed(number: int) -> Seed:
    known = seeds()
    return known[number % len(known)]


def _bytes_changed(number: int, lot: Lot, folder: Path, canary: Path) -> Case:
    """Whatever the format, some bytes of one of its files."""
    seed = _seed(number)
    name = lot.choice(sorted(seed.files))
    what = lot.choice(sorted(BYTES))
    changed = BYTES[what](seed.files[name], lot)
    return _written(seed, {**seed.files, name: changed}, what, folder, canary)


def _member_changed(number: int, lot: Lot, folder: Path, canary: Path) -> Case | None:
    """A zip archive whose checksums are right, around a member that is not."""
    seed = _seed(number)
    archives = [name for name, content in sorted(seed.files.items()) if content.startswith(b"PK")]
    if not archives:
        return None
    name, what = lot.choice(archives), lot.choice(sorted(MEMBERS))
    with zipfile.ZipFile(io.BytesIO(seed.files[name])) as archive:
        members = [(member, archive.read(member)) for member in archive.namelist()]
    changed = MEMBERS[what](members, lot)
    return _written(seed, {**seed.files, name: changed}, f"member: {what}", folder, canary)


def _state_changed(number: int, lot: Lot, folder: Path, canary: Path) -> Case | None:
    """What torch.save itself writes of weights that are none of a GAN's."""
    seed = _seed(number)
    if seed.format not in ("torch zip", "torch legacy", "training state"):
        return None
    what = lot.choice(sorted(mutations_torch.STATES))
    content = mutations_torch.saved(what, lot, legacy=seed.format == "torch legacy")
    return _written(seed, {seed.opened: content}, f"state: {what}", folder, canary)


def _hostile(number: int, lot: Lot, folder: Path, canary: Path) -> Case | None:
    """A file made to run code, to write elsewhere or to exhaust its reader, under the name of the seed."""
    seed = _seed(number)
    if seed.opened not in seed.files:
        return None
    what = lot.choice(sorted(mutations_hostile.FILES))
    content = mutations_hostile.FILES[what](canary, lot)
    return _written(seed, {**seed.files, seed.opened: content}, f"hostile: {what}", folder, canary)


def _written(seed: Seed, files: dict[str, bytes], what: str, folder: Path, canary: Path) -> Case:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Case(seed.format, what, folder / seed.opened, canary)


# bytes


def _truncated(content: bytes, lot: Lot) -> bytes:
    return content[: lot.randrange(len(content) + 1)]


def _flipped(content: bytes, lot: Lot, where: int | None = None) -> bytes:
    changed = bytearray(content)
    for _ in range(lot.choice([1, 1, 2, 8, 64]) if changed else 0):
        changed[lot.randrange(min(len(changed), where or len(changed)))] ^= 1 << lot.randrange(8)
    return bytes(changed)


def _start_flipped(content: bytes, lot: Lot) -> bytes:
    return _flipped(content, lot, 256)


def _spliced(content: bytes, lot: Lot) -> bytes:
    """A piece of the same file, or of any other, in the place of one of its own."""
    other = lot.choice([content, *lot.choice(seeds()).files.values()])
    start, size = lot.randrange(len(other) + 1), lot.choice([1, 4, 8, 64, 1024, len(other)])
    place = lot.randrange(len(content) + 1)
    piece = other[start : start + size]
    return content[:place] + piece + content[place + (len(piece) if lot.random() < 0.5 else 0) :]


def _absurd(content: bytes, lot: Lot) -> bytes:
    """A number where a size may stand: near the start, near the end, or anywhere."""
    changed = bytearray(content)
    for _ in range(lot.choice([1, 1, 2, 4])):
        size = lot.choice([2, 4, 8])
        if len(changed) <= size:
            break
        number = lot.choice(ABSURD) & (2 ** (8 * size) - 1)
        near = lot.choice([min(512, len(changed)), len(changed)])
        place = lot.randrange(near - size) if near > size else 0
        place = len(changed) - size - place if lot.random() < 0.3 else place
        order = lot.choice(["little", "little", "big"])
        changed[place : place + size] = number.to_bytes(size, order)  # type: ignore[arg-type]
    return bytes(changed)


def _zeroed(content: bytes, lot: Lot) -> bytes:
    place, size = lot.randrange(len(content) + 1), lot.choice([4, 64, 4096])
    filler = lot.choice([b"\0", b"\xff"])
    return content[:place] + filler * len(content[place : place + size]) + content[place + size :]


def _removed(content: bytes, lot: Lot) -> bytes:
    place, size = lot.randrange(len(content) + 1), lot.choice([1, 2, 4, 64, 4096])
    return content[:place] + content[place + size :]


def _longer(content: bytes, lot: Lot) -> bytes:
    return content + lot.choice([b"\0" * 100, content, lot.randbytes(5000)])


def _digits_changed(content: bytes, lot: Lot) -> bytes:
    """A number in words: JSON, TOML and NumPy's headers have such."""
    places = [place for place in range(len(content)) if content[place : place + 1].isdigit()]
    if not places:
        return _flipped(content, lot)
    place = lot.choice(places)
    number = lot.choice([b"-1", b"0", b"9", b"99999", b"4294967296", b"9" * 30, b"1e308", b"NaN"])
    return content[:place] + number + content[place + 1 :]


def _type_changed(content: bytes, lot: Lot) -> bytes:
    """Another type of number, in the words of NumPy, safetensors, torch and Torch7."""
    words = (b"<f4", b"F32", b"FloatStorage", b"FloatTensor", b"float32", b"Float")
    others = (b"<f8", b"|O8", b"<c8", b"F64", b"I8 ", b"U8", b"BOOL", b"HalfStorage", b"LongTensor", b"ByteStorage")
    for word in lot.sample(words, len(words)):
        if word in content:
            return content.replace(word, lot.choice(others), lot.choice([1, -1]))
    return _flipped(content, lot)


def _not_finite(content: bytes, lot: Lot) -> bytes:
    """NaN or infinity in the middle of what mostly are float32 numbers."""
    number = struct.pack("<f", lot.choice([float("nan"), float("inf"), -float("inf"), 1e38]))
    place = lot.randrange(max(len(content) // 4, 1)) * 4
    return content[:place] + number * lot.choice([1, 1, 16]) + content[place + 4 :]


BYTES: dict[str, Callable[[bytes, Lot], bytes]] = {
    "absurd size": _absurd,
    "bits flipped": _flipped,
    "digits": _digits_changed,
    "longer": _longer,
    "not finite": _not_finite,
    "removed": _removed,
    "spliced": _spliced,
    "start flipped": _start_flipped,
    "truncated": _truncated,
    "type": _type_changed,
    "zeroed": _zeroed,
}


# members of archives

Members = list[tuple[str, bytes]]


def zipped(members: Members, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these members; two may have one name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings(action="ignore"):  # of same names
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def _one_changed(members: Members, lot: Lot) -> bytes:
    place = lot.randrange(len(members))
    name, content = members[place]
    changed = BYTES[lot.choice(sorted(BYTES))](content, lot)
    return zipped([*members[:place], (name, changed), *members[place + 1 :]])


def _pickle_or_settings_changed(members: Members, lot: Lot) -> bytes:
    """The member that says what the others are."""
    for place, (name, content) in enumerate(members):
        if name.endswith(("data.pkl", "config.json")):
            changed = _json_changed(content, lot) if name.endswith("json") else _opcodes_changed(content, lot)
            return zipped([*members[:place], (name, changed), *members[place + 1 :]])
    return _one_changed(members, lot)


def _opcodes_changed(content: bytes, lot: Lot) -> bytes:
    changed = bytearray(content)
    for _ in range(lot.choice([1, 1, 2, 5])):
        changed[lot.randrange(len(changed))] = lot.choice(
            [*b"(.0123GIJKLMNSTUVXRabcdehijlmopqrstu}]Q\x80\x85\x95\xff\0"]
        )
    return bytes(changed)


def _json_changed(content: bytes, lot: Lot) -> bytes:
    """One value of a JSON document replaced by another of any kind."""
    document = json.loads(content)
    places = list(_places(document))
    if places:
        holder, key = lot.choice(places)
        holder[key] = lot.choice([None, -1, 0, 10**6, 2**63, 1e300, "x", [], {}, [[]] * 50, True, [10**6, 10**6]])
    return json.dumps(document).encode()


def _places(thing: Any) -> Iterator[tuple[Any, Any]]:
    inside = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    for key, value in list(inside):
        yield thing, key
        yield from _places(value)


def _without_one(members: Members, lot: Lot) -> bytes:
    gone = lot.randrange(len(members))
    return zipped([member for place, member in enumerate(members) if place != gone])


def _twice(members: Members, lot: Lot) -> bytes:
    name, content = lot.choice(members)
    return zipped([*members, (name, _flipped(content, lot))])


def _led_out(members: Members, lot: Lot) -> bytes:
    """One more member, or all, with names that lead out of any folder."""
    out = lot.choice(["../canary", "/tmp/../tmp/ganlab-canary", "..\\canary", "checkpoint/../../canary"])
    if lot.random() < 0.5:
        return zipped([*members, (out, b"it was unpacked")])
    return zipped([(f"{out}/{name}", content) for name, content in members])


def _bomb(members: Members, lot: Lot) -> bytes:
    """A member, an own one or a further one, that unpacks to far more than it is."""
    place = lot.randrange(len(members) + 1)
    name = members[place][0] if place < len(members) else "more"
    members = [*members[:place], (name, bytes(BOMB)), *members[place + 1 :]]
    return zipped(members, zipfile.ZIP_DEFLATED)


def _nested(members: Members, lot: Lot) -> bytes:
    whole = zipped(members)
    for _ in range(lot.choice([1, 3, 20])):
        whole = zipped([(lot.choice(members)[0], whole)])
    return whole


def _lies_of_size(members: Members, lot: Lot) -> bytes:
    """An absurd number in the directory, where the sizes of the members stand."""
    changed = bytearray(zipped(members))
    places = [place for place in range(len(changed) - 30) if changed[place : place + 4] == b"PK\1\2"]
    place = lot.choice(places) + lot.choice([20, 24, 28, 42])
    changed[place : place + 4] = (lot.choice(ABSURD) & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(changed)


MEMBERS: dict[str, Callable[[Members, Lot], bytes]] = {
    "a bomb": _bomb,
    "in each other": _nested,
    "leading out": _led_out,
    "lies of sizes": _lies_of_size,
    "one changed": _one_changed,
    "one missing": _without_one,
    "one twice": _twice,
    "what says what": _pickle_or_settings_changed,
}
