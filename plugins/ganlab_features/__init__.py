"""See what the discriminator's filters look for: guided backpropagation of the pictures they respond to most."""

from __future__ import annotations

from typing import Annotated, Literal

from ganlab import Analysis, Gan, Images, Labeler, Range, Result, analysis, hookimpl


@analysis
def features(
    gan: Gan,
    data: Annotated[Images, "pictures to look through: a folder, zip, array or data set, such as rooms:1000"],
    filters: Annotated[int, "how many filters to show, at most: the first ones, as in the paper", Range(1)] = 6,
    which: Annotated[list[int] | None, "a filter to show, instead of the first ones; may be given again"] = None,
    top: Annotated[int, "pictures of each filter", Range(1, 20)] = 5,
    layer: Annotated[
        str, "a layer of the discriminator; auto: the last convolution before the logit, after its activation"
    ] = "auto",
    rule: Annotated[
        Literal["leaky-guided", "guided", "deconvolution"],
        "what goes back through an activation: positive gradients, times its slope; only where its input was positive "
        "too, as with ReLU; positive gradients whatever its slope",
    ] = "leaky-guided",
    labeler: Annotated[
        Labeler | None, "who marks concepts in pictures; default: the one that the checkpoint's card names"
    ] = None,
    judged: Annotated[
        Literal["samples", "data"], "which pictures it marks: the GAN's own, or DATA, if it knows such pictures"
    ] = "samples",
    n: Annotated[int, "pictures that it marks; of DATA drawn at random", Range(10)] = 256,
    share: Annotated[
        float, "of its cells at which each filter is said to fire; network dissection took 0.005", Range(0.001, 0.5)
    ] = 0.05,
    limit: Annotated[int | None, "look through the first N pictures of DATA only", Range(1)] = None,
    skip_broken: Annotated[bool, "leave out pictures that do not decode; without it they stop the run"] = False,
    seed: Annotated[
        int, "of the untrained discriminator, of the samples and of the pictures drawn", Range(0, 2**62)
    ] = 0,
) -> Result:
    """What the features of the discriminator's last convolution respond to (section 6.2, figure 5).

    Guided backpropagation shows which edges of a picture make a filter respond, for the pictures of DATA that it
    responds to most, cut to what its unit sees. The control is the same discriminator before training. Where a labeler
    knows concepts, every filter's strongest activations are compared with their masks.
    """
    from .choices import Choices
    from .investigation import investigate

    choices = Choices(
        filters=filters,
        which=which,
        top=top,
        layer=layer,
        rule=rule,
        judged=judged,
        n=n,
        share=share,
        limit=limit,
        skip_broken=skip_broken,
        seed=seed,
    )
    return investigate(gan, data, labeler, choices)


@hookimpl
def register_analyses() -> list[Analysis]:
    return [features]
