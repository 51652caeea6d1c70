"""The animation as MP4, for programs that play no WebP. Needs PyAV, which comes with the extra ``video``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

from PIL import Image

from ganlab import GanlabError

FEWEST = 60  # frames; a video of an animation that is shorter repeats it


def require_video() -> None:
    """Refuse early, before anything is computed, what could not be written at the end.

    Raises:
        GanlabError: PyAV is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise GanlabError("--mp4 needs PyAV, which is not installed.", "pip install 'ganlab[video]'") from error


def mp4_bytes(frames: Sequence[Image.Image], seconds: float) -> bytes:
    """H.264 in MP4, the same bytes for the same frames.

    Args:
        frames: RGB pictures of one size.
        seconds: how long each is shown.
    """
    import av

    width, height = (side + side % 2 for side in frames[0].size)  # the codec holds even sides only
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        # one thread: with several the bytes would depend on how many there are
        stream = container.add_stream("libx264", rate=Fraction(1 / seconds).limit_denominator(1000))
        stream.options = {"crf": "16", "threads": "1", "flags": "+bitexact"}
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        for frame in [*frames] * -(-FEWEST // len(frames)):
            shown = frame.resize((width, height), Image.Resampling.NEAREST)
            container.mux(stream.encode(av.VideoFrame.from_image(shown)))
        container.mux(stream.encode())
    return buffer.getvalue()
