"""Join the processes that train one GAN; one alone imports nothing of what several need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ganlab.training.processes import ALONE, Processes, announced_alone


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that train together, for as long as the block lasts.

    Of several only the first speaks inside. An error in one ends all; one of them says why, and the others end
    silently.

    Raises:
        GanlabError: the environment announces processes and leaves open where they meet, or not all of them come, or
            another one ended while this one waited for it.
        EndedWithAnother: this one ends because another does, which says why.
    """
    if announced_alone():
        yield ALONE
        return
    from ganlab.training.meeting import join

    with join() as processes:
        yield processes
