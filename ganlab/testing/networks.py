"""What every architecture promises: weights that belong to a seed, pictures, and logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ganlab.architectures import Architecture, NetworkSettings
from ganlab.errors import GanlabError
from ganlab.networks.weights import weights_digest
from ganlab.plugins.metadata import one_line
from ganlab.testing.random_states import other_random_states, random_states

if TYPE_CHECKING:
    from torch import nn

Networks = tuple["nn.Module | None", "nn.Module | None"]

# what networks are tried with, the smallest first: the first that an architecture does not refuse
SMALL: list[dict[str, Any]] = [
    {"size": size, "channels": channels, "width": width, "z_dim": 5}
    for size in (16, 28, 32, 64)
    for channels in (3, 1)
    for width in (4, 16, 64)
]
CLASSES = 3


def check_architecture(architecture: Architecture) -> None:
    """Build its networks, small ones, and hold them to their promise, without classes and with some.

    Those that are not trained are built by whatever their card says: they are tried with the usual settings, and left
    alone where they want others.

    Raises:
        AssertionError: which promise was broken, and how.
    """
    if architecture.settings is None:
        if _takes(architecture, SMALL[0]):
            _check_weights(architecture, SMALL[0])
        return
    for settings in _smallest(architecture, architecture.settings):
        _check_pictures(settings, *_check_weights(architecture, _of_card(settings)))


def _takes(architecture: Architecture, settings: Mapping[str, Any]) -> bool:
    with other_random_states(0):
        try:
            architecture.build(settings, 1)
        except (Exception, SystemExit):  # it wants others
            return False
    return True


def _check_weights(architecture: Architecture, settings: Mapping[str, Any]) -> Networks:
    """That they belong to the seed, and to nothing else."""
    first, again, other = (
        _built(architecture, settings, seed, elsewhere) for seed, elsewhere in ((1, 1), (1, 2), (2, 1))
    )
    for side, one, same, another in zip(("generator", "discriminator"), first, again, other, strict=True):
        if one is None or same is None or another is None:  # those that are not trained may lack one
            continue
        digest = weights_digest(one.state_dict())
        if digest != weights_digest(same.state_dict()):
            raise _broken(architecture, f"one seed gives its {side} other weights when it is built again")
        if digest == weights_digest(another.state_dict()):
            raise _broken(architecture, f"two seeds give its {side} the same weights")
    return first


def _built(architecture: Architecture, settings: Mapping[str, Any], seed: int, elsewhere: int) -> Networks:
    """Its networks, built where the global random states are those of another seed."""
    with other_random_states(elsewhere):
        before = random_states()
        try:
            networks: Any = architecture.build(settings, seed)
        except GanlabError as error:
            raise AssertionError(error.message.rstrip(".")) from error
        except (Exception, SystemExit) as error:
            raise _broken(architecture, f"it cannot be built of {dict(settings)} ({one_line(error)})") from error
        changed = [name for name, state in random_states().items() if state != before[name]]
    if changed:
        raise _broken(architecture, f"build() changes {changed[0]}")
    if not isinstance(networks, (tuple, list)) or len(networks) != 2:
        raise _broken(architecture, "build() is to return a generator and a discriminator")
    return networks[0], networks[1]


def _check_pictures(settings: NetworkSettings, *networks: Any) -> None:
    import torch

    from ganlab.architectures.promises import check_networks  # late: it needs torch at once

    for lie, where in ((torch.contiguous_format, ""), (torch.channels_last, ", where maps lie channels last")):
        generator, discriminator = (network.to(memory_format=lie) for network in networks)
        try:
            check_networks(settings, (generator, discriminator))
        except GanlabError as error:
            raise AssertionError(error.message.rstrip(".") + where) from error


def _smallest(architecture: Architecture, kind: type[NetworkSettings]) -> Iterator[NetworkSettings]:
    """The smallest settings that it takes without classes, and with some.

    Raises:
        AssertionError: it takes neither, or fails where it should refuse.
    """
    refusals = []
    for classes in (0, CLASSES):
        for values in (*SMALL, {}):
            try:
                settings = kind(**values, classes=classes)
            except GanlabError as error:
                refusal = error.message
            except (Exception, SystemExit) as error:
                raise _broken(architecture, f"its settings fail where they may refuse ({one_line(error)})") from error
            else:
                yield settings
                break
        else:
            refusals.append(refusal)
    if len(refusals) == 2:
        raise _broken(architecture, f"it refuses all settings, its own defaults, too ({refusals[0].rstrip('.')})")


def _of_card(settings: NetworkSettings) -> dict[str, Any]:
    return {setting: value for setting, value in settings.to_card().items() if setting != "name"}


def _broken(architecture: Architecture, how: str) -> AssertionError:
    return AssertionError(f"the architecture {architecture.name!r} breaks its promise: {how}")
