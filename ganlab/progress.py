"""The door to :func:`ganlab.progress`; inside ganlab, import :mod:`ganlab.progressbar` instead."""

from ganlab.progressbar import progress

__all__ = ["progress"]
