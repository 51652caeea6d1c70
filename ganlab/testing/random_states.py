"""The global random states of Python, numpy and torch, which what belongs to a seed leaves alone and does not ask."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def random_states() -> dict[str, Any]:
    """Each as it is, by the name that a failure would say."""
    import torch

    return {
        "the global random state of Python": random.getstate(),
        "the global random state of numpy": repr(_of_numpy()),
        "the global random state of torch": torch.get_rng_state().numpy().tobytes(),
        **_of_gpus(),
    }


@contextmanager
def other_random_states(seed: int) -> Iterator[None]:
    """Inside, the states are those of a seed, but on GPUs; afterwards they are what they were."""
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 (the global one is meant)
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


def _of_gpus() -> dict[str, Any]:
    """Also where nobody has used them before: what is drawn there is in nobody's seed."""
    import torch

    if not torch.cuda.is_available():
        return {}
    states = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    return {"the global random state of torch on GPUs": states}


def _of_numpy() -> list[Any]:
    import numpy as np

    # the legacy generator is the one that can be touched by accident
    state: dict[str, Any] = dict(np.random.get_state(legacy=False))  # noqa: NPY002
    return [state["state"]["key"].tolist(), state["state"]["pos"], state["has_gauss"], state["gauss"]]
