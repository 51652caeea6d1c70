"""Does the drop of a concept's filters take more away than light? The filters that follow brightness, dropped as well.

    python benchmarks/brightness.py [--gan bedrooms-64] [--concept window] [--layer up32] [--n 200]

The probe's control for light, with how light the pictures are. For samples as they are, without the concept's filters,
without as many that follow brightness most, and without random ones: the share in which the labeler sees the concept,
the mean brightness and the share of nearly white pixels. Of the last two there are several sets, each dropped from a
part of the samples: those that follow brightness most are chosen anew by other samples.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from ganlab import Gan, Labeler, Metric, load_gan
from ganlab_probe import probe
from ganlab_probe.bench import pictures_without, random_filters
from ganlab_probe.brightness import brightest
from ganlab_probe.investigation import LIGHT_CHOICES, LIGHT_SAMPLES

FIRST = 5_000_000  # index of the first sample
WHITE = 0.8  # of the range from black to white
RANDOM_SETS = 20


def brightness(gan: Gan, images: torch.Tensor) -> torch.Tensor:
    """From 0 to 1: (n, c, h, w) -> (n, h, w)."""
    return (images.mean(1) - gan.image.low) / (gan.image.high - gan.image.low)


def report(gan: Gan, labeler: Labeler, concept: str, name: str, images: torch.Tensor) -> None:
    shown = Metric.of_share(labeler.shows(images, gan.image)[:, labeler.column(concept)])
    light = brightness(gan, images)
    print(
        f"{name}: {concept} in {shown.value:.1%} [{shown.low:.0%}, {shown.high:.0%}] by the labeler, "
        f"brightness {light.mean():.2f}, nearly white {(light > WHITE).double().mean():.1%} of the pixels"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gan", default="bedrooms-64")
    parser.add_argument("--concept", default="window")
    parser.add_argument("--layer", default="up32")
    parser.add_argument("--n", type=int, default=200)
    arguments = parser.parse_args()
    gan, layer, concept = load_gan(arguments.gan), arguments.layer, arguments.concept
    labeler = Labeler.of_checkpoint(gan)
    if labeler is None:
        parser.error(f"the card of {gan.name} names no labeler")
    filters = probe(gan, concept, layer=layer).arrays["filters"]
    latents = gan.latents(arguments.n, seed=0, first=FIRST)
    light = [
        gan.latents(LIGHT_SAMPLES, seed=0, first=FIRST + arguments.n + LIGHT_SAMPLES * place)
        for place in range(LIGHT_CHOICES)
    ]
    bright = [brightest(gan, layer, some, len(filters)) for some in light]
    maps = next(known.shape[0] for known in gan.hidden_layers() if known.name == layer)
    both = ", ".join(str(len(np.intersect1d(filters, chosen))) for chosen in bright)
    print(f"{len(filters)} of {maps} filters; {both} of them are among as many that follow brightness most,")
    print(f"where {len(filters) ** 2 / maps:.0f} would be by chance")
    report(gan, labeler, concept, "as they are", gan.generate(latents))
    report(gan, labeler, concept, f"without those of {concept}", pictures_without(gan, layer, latents, filters))
    random = random_filters(maps, len(filters), RANDOM_SETS, 0)
    for name, sets in (("those of brightness", bright), ("random ones", random)):
        parts = np.array_split(np.arange(arguments.n), len(sets))
        drawn = [
            pictures_without(gan, layer, latents[torch.from_numpy(part)], chosen)
            for part, chosen in zip(parts, sets, strict=True)
        ]
        report(gan, labeler, concept, f"without {name}", torch.cat(drawn))


if __name__ == "__main__":
    main()
