"""The boxes that come with a GAN of photographs: several observers draw them, those that two of them drew are kept.

    python benchmarks/judge/boxes.py sheets bedrooms-64 FOLDER     # 150 samples, six on a sheet, with rulers
    python benchmarks/judge/boxes.py join bedrooms-64 BOXES.json   # from boxes-bedrooms-64.json beside this file

Observers see the sheets only. What each drew goes into boxes-GAN.json: observer -> picture's index -> corners
[[x0, y0, x1, y1], ...] in pixels. Boxes of different observers that overlap by 0.3 or more (IoU) are of one window;
where two or more drew it, the mean of their corners is kept.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganlab import Box, Boxes, Gan, PictureName, load_gan

HERE = Path(__file__).parent
SAMPLES, ENLARGED, MARGIN = 150, 7, 26
ACROSS, DOWN = 3, 2
TICK = 8  # pixels of the sample between the marks of a ruler
SAME = 0.3  # overlap of two observers' boxes of one window
CONCEPT = "window"

Corners = tuple[float, ...]  # x0, y0, x1, y1


def write_sheets(gan: Gan, folder: Path) -> None:
    """sheet-000.png and so on, each with six samples."""
    folder.mkdir(parents=True, exist_ok=True)
    images = gan.image.to_uint8(gan.generate(gan.latents(SAMPLES, seed=0)))
    each, side = ACROSS * DOWN, gan.image.size * ENLARGED + 2 * MARGIN
    for first in range(0, SAMPLES, each):
        sheet = Image.new("RGB", (ACROSS * side, DOWN * side), "white")
        for place, picture in enumerate(images[first : first + each]):
            corner = (place % ACROSS * side, place // ACROSS * side)
            sheet.paste(_ruled(picture, first + place, side), corner)
        sheet.save(folder / f"sheet-{first:03d}.png")


def _ruled(picture: np.ndarray, index: int, side: int) -> Image.Image:
    """A sample, enlarged, with rulers above and at its left and its number below."""
    tile, size = Image.new("RGB", (side, side), "white"), len(picture)
    enlarged = Image.fromarray(picture).resize((size * ENLARGED,) * 2, Image.Resampling.BICUBIC)
    tile.paste(enlarged, (MARGIN, MARGIN))
    pen, small = ImageDraw.Draw(tile), ImageFont.load_default(11)
    pen.text((side // 2, side - 4), f"picture {index}", "black", ImageFont.load_default(15), anchor="ms")
    for pixel in range(0, size + 1, TICK):
        at = MARGIN + pixel * ENLARGED
        pen.line((at, MARGIN - 5, at, MARGIN), "black")
        pen.text((at, MARGIN - 7), str(pixel), "black", small, anchor="ms")
        pen.line((MARGIN - 5, at, MARGIN, at), "black")
        pen.text((MARGIN - 7, at), str(pixel), "black", small, anchor="rm")
    return tile


def joined(drawn: list[list[Corners]]) -> list[list[int]]:
    """The windows of one picture that two or more observers drew, each the mean of their corners, rounded."""
    windows: list[dict[int, Corners]] = []  # observer -> box
    for observer, boxes in enumerate(drawn):
        for box in boxes:
            known = max(windows, key=lambda window: _most_alike(box, window), default=None)
            if known is not None and observer not in known and _most_alike(box, known) >= SAME:
                known[observer] = box
            else:
                windows.append({observer: box})
    means = [np.mean(list(window.values()), axis=0) for window in windows if len(window) > 1]
    return [mean.round().astype(int).tolist() for mean in means]


def _most_alike(box: Corners, window: dict[int, Corners]) -> float:
    return max(_overlap(box, other) for other in window.values())


def _overlap(one: Corners, other: Corners) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    areas = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other))
    return common / (areas - common)


def join(gan: Gan, file: Path) -> None:
    """Write the boxes that are kept as COCO, and print how far the observers agree."""
    observers = json.loads((HERE / f"boxes-{gan.name}.json").read_text())
    names = [PictureName(gan.hash, 0, index) for index in range(SAMPLES)]
    boxes = []
    for index, name in enumerate(names):
        for x0, y0, x1, y1 in joined([one.get(str(index), []) for one in observers.values()]):
            boxes.append(Box(name, CONCEPT, x0, y0, x1 - x0, y1 - y0))
    Boxes(boxes, names, (gan.image.size,) * 2, categories=[CONCEPT]).save(file)
    print(f"{len(boxes)} boxes on {len({box.picture for box in boxes})} of {SAMPLES} samples")
    seen = {who: [bool(one.get(str(index))) for index in range(SAMPLES)] for who, one in observers.items()}
    for first, second in combinations(seen, 2):
        agree = np.mean(np.array(seen[first]) == np.array(seen[second]))
        print(f"{first} and {second} agree on {agree:.0%} about whether there is one")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sheets", "join"])
    parser.add_argument("gan")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    gan = load_gan(arguments.gan)
    if arguments.what == "sheets":
        write_sheets(gan, arguments.out)
    else:
        join(gan, arguments.out)


if __name__ == "__main__":
    main()
