"""Open every checkpoint of a folder of checkpoints, draw a grid of each, and write a table of what was found.

    python benchmarks/recovery/checkpoints.py FOLDER OUT [--flags flags.toml]

FOLDER holds files, or folders of one GAN each (what `--gan` takes). OUT gets a PNG of 32 samples for every GAN that
opens, and table.md. A flags.toml says what to add for some of them: `celeba32-keys = ["#generator2.pt"]` or
`mnist28 = ["--output", "sigmoid"]`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from ganlab import Gan, GanlabError, figures, load_gan

SAMPLES, ACROSS = 32, 16


def opened(spec: str, flags: list[str]) -> Gan:
    """The GAN, with flags as a person types them."""
    hints: dict[str, Any] = {}
    words = list(flags)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            value = words.pop(0)
            hints[word[2:].replace("-", "_")] = int(value) if value.isdecimal() else value
        else:
            spec += word
    return load_gan(spec, **hints)


def row(path: Path, flags: list[str], out: Path) -> list[str]:
    """One line of the table: name, flags, what it is, errors of its norms, seconds, what is said of it."""
    began = time.perf_counter()
    shown = " ".join(flags).replace("|", "\\|")
    try:
        gan = opened(str(path), flags)
    except GanlabError as error:
        reason = str(error).replace(f"{path}/", "").replace(str(path), path.name)
        return [path.name, shown, "refused", "", f"{time.perf_counter() - began:.0f}", reason]
    seconds = time.perf_counter() - began
    if gan.generator is not None:
        label = 0 if gan.classes is not None else None
        pictures = gan.image.to_uint8(gan.generate(gan.latents(SAMPLES, label=label)))
        figures.numbered_grid(pictures, ACROSS, first=0, scale=2, pad=2).save(out / f"{path.name}.png")
    decisions = gan.card.facts.get("decisions", [])
    error = max(
        (float(one["evidence"].split()[-1]) for one in decisions if "remembers" in one["evidence"]), default=None
    )
    open_ = sum(not one.get("certain", True) for one in decisions)
    what = f"{gan.image.channels}x{gan.image.size}x{gan.image.size}"
    what += f", z {gan.prior.dim} {gan.prior.law}" if gan.generator is not None else ""
    what += f", {gan.classes} classes" if gan.classes is not None else ""
    what += ", with discriminator" if gan.discriminator is not None else ""
    notes = " ".join(gan.card.facts.get("notes", [])).replace(f"{path}/", "")
    said = (f"{open_} left open. " if open_ else "") + notes
    return [path.name, shown, what, "" if error is None else f"{error:.2f}", f"{seconds:.0f}", said]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--flags", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    flags = tomllib.loads(arguments.flags.read_text()) if arguments.flags else {}
    lines = ["| checkpoint | flags | what it is | largest error | seconds | said of it |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GANLAB_CACHE"] = cache  # what was worked out before is not timed
        for path in sorted(arguments.folder.iterdir()):
            if path.suffix != ".md":
                lines.append("| " + " | ".join(row(path, flags.get(path.name, []), arguments.out)) + " |")
                print(lines[-1], flush=True)
    (arguments.out / "table.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
