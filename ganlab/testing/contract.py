"""What every analysis promises: options in, a result out, and nothing else in the world is different."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.analyses import Analysis
from ganlab.figures import plots
from ganlab.gan import Gan
from ganlab.results import Result
from ganlab.testing.comparing import check_same, said
from ganlab.testing.gans import tiny_gan
from ganlab.testing.random_states import random_states

if TYPE_CHECKING:
    from torch import nn

Facts = dict[str, Any]


def check_analysis(analysis: Analysis, **options: Any) -> Result:
    """Run an analysis twice and hold it to its contract.

    It returns a Result that keeps its own contract (:meth:`ganlab.Result.check`), writes no file, prints nothing, does
    not end the process, leaves no hook on a network, changes no weight, mode or gradient switch, touches no global
    random state of Python, numpy or torch, and says the same byte by byte the second time. Of other global settings it
    leaves as they were: torch's (gradients, default type, threads, precision, determinism, denormal numbers, cuDNN,
    hooks), how numpy takes errors, how many pixels PIL opens and whether broken pictures, matplotlib's parameters, the
    filters of warnings, what handles signals, where Python looks for modules, the environment variables and the current
    folder.

    Args:
        analysis: what ``@analysis`` made.
        options: as when it is called. Without ``gan``, a :func:`tiny_gan` is used.

    Returns:
        The result, for whatever else the test wants to know.

    Raises:
        AssertionError: which promise was broken, and how.
        GanlabError: the analysis refused these options.
    """
    given = opened(analysis, options)
    gans = [one for value in given.values() for one in (value if isinstance(value, list) else [value])]
    gans = [one for one in gans if isinstance(one, Gan)]
    # matplotlib writes its caches when it draws for the first time on a machine, which is not the analysis's doing
    plots.curve([0, 1], {"": ([0, 1], None, None)}, xlabel="", ylabel="")
    first, second = (_watched(analysis, given, gans, again) for again in (False, True))
    check_same(analysis, said(first), said(second), "runs")
    return first


def _watched(analysis: Analysis, options: dict[str, Any], gans: list[Gan], again: bool) -> Result:
    before = _facts(gans)
    printed = io.StringIO()
    with _empty_folder() as folder, _recorded_writes() as written, warnings.catch_warnings(record=True) as warned:
        filters = list(warnings.filters)
        with redirect_stdout(printed), redirect_stderr(printed), _going_on(analysis):
            try:
                result = analysis(**options)
            except (TypeError, ValueError) as error:
                if analysis.function.__code__ in _codes(error):
                    raise  # its own code failed
                raise AssertionError(str(error)) from error  # what it returned breaks the contract of results
        left = sorted({path for path in written if os.path.exists(path)})
        moved = os.getcwd() != folder
        filtered = again and warnings.filters != filters  # the first time, libraries that are imported add theirs
    for warning in warned:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if left:
        raise AssertionError(f"analysis {analysis.name!r} wrote {left[0]}: put it into Result.files instead")
    if moved:
        raise AssertionError(f"analysis {analysis.name!r} changed the current folder")
    if filtered:
        raise AssertionError(
            f"analysis {analysis.name!r} changed the filters of warnings: use warnings.catch_warnings()"
        )
    if printed.getvalue():
        raise AssertionError(
            f"analysis {analysis.name!r} printed {printed.getvalue()[:200]!r}: put it into Result.notes"
        )
    after = _facts(gans)
    for name, value in before.items():
        if after.get(name) != value:
            raise AssertionError(f"analysis {analysis.name!r} changed {name}")
    added = sorted(after.keys() - before.keys())
    if added:
        raise AssertionError(f"analysis {analysis.name!r} added {added[0]}")
    return result


@contextmanager
def _going_on(analysis: Analysis) -> Iterator[None]:
    """That it ends the process instead would look like success."""
    try:
        yield
    except SystemExit as error:
        raise AssertionError(f"analysis {analysis.name!r} ended the process (sys.exit({error.code!r}))") from error


def _facts(gans: list[Gan]) -> Facts:
    """Everything an analysis must leave as it was, named as the failure would say it."""
    from torch.nn.modules import module as torch_modules

    facts: Facts = {
        **random_states(),
        "the environment variables": dict(os.environ),
        **_settings(),
    }
    for name, value in vars(torch_modules).items():
        if name.startswith("_global_") and name.endswith("hooks"):
            facts[f"torch's global hooks ({name})"] = list(value)
    for number, gan in enumerate(gans):
        for side, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
            if network is not None:
                whose = f"the {side}" if len(gans) == 1 else f"the {side} of GAN {number + 1}"
                facts |= _network_facts(whose, network)
    return facts


def _settings() -> Facts:
    """The switches of Python and of the libraries."""
    import matplotlib as mpl
    import numpy as np
    import torch
    from PIL import Image, ImageFile

    cudnn = torch.backends.cudnn
    return {
        "where Python looks for modules (sys.path)": list(sys.path),
        "what handles signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "how many pixels PIL opens (Image.MAX_IMAGE_PIXELS)": Image.MAX_IMAGE_PIXELS,
        "whether PIL opens broken pictures (ImageFile.LOAD_TRUNCATED_IMAGES)": ImageFile.LOAD_TRUNCATED_IMAGES,
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's default type": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's precision of matrix products": torch.get_float32_matmul_precision(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch's treatment of denormal numbers": (torch.tensor(1e-39) / 2).item(),
        "torch's settings of cuDNN": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
        "numpy's treatment of errors": np.geterr(),
        "matplotlib's parameters": dict.copy(mpl.rcParams),  # as they are: reading the backend by its name sets it
    }


def _network_facts(whose: str, network: nn.Module) -> Facts:
    facts: Facts = {}
    for name, module in network.named_modules():
        place = f"{whose}'s {name}" if name else whose
        facts[f"the mode (train or eval) of {place}"] = module.training
        for kind, hooks in vars(module).items():
            if kind.endswith("_hooks") and hooks is not None:
                facts[f"the hooks on {place} ({kind.strip('_')})"] = list(hooks)
        facts[f"the class of {place}"] = type(module)
    for name, value in network.state_dict().items():
        facts[f"the weights of {whose}: {name}"] = value.detach().cpu().numpy().tobytes()
    for name, parameter in network.named_parameters():
        facts[f"requires_grad of {whose}: {name}"] = parameter.requires_grad
        facts[f"the gradient kept on {whose}: {name}"] = parameter.grad is None
    return facts


@contextmanager
def _empty_folder() -> Iterator[str]:
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield os.getcwd()
        finally:
            os.chdir(before)


_watchers: list[Callable[[str], None]] = []


@contextmanager
def _recorded_writes() -> Iterator[list[str]]:
    """Paths of files that are opened for writing, or folders made, meanwhile; caches are left out."""
    written: list[str] = []
    _install()

    def note(path: str) -> None:
        full = os.path.abspath(path)
        parts = Path(full).parts
        if parts[1:2] not in (("dev",), ("proc",)) and not any("cache" in part.lower() for part in parts):
            written.append(full)

    _watchers.append(note)
    try:
        yield written
    finally:
        _watchers.remove(note)


@cache
def _install() -> None:
    """Once: a hook cannot be taken away again."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watchers:
        return
    if event == "open":
        path, _, flags = arguments
        writing = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        writing = writing and not os.path.isdir(path)  # of a temporary file without a name its folder is told
    elif event in ("os.mkdir", "os.rename", "os.symlink", "os.link"):
        path, writing = arguments[0 if event == "os.mkdir" else 1], True
    else:
        return
    if writing and isinstance(path, (str, bytes, os.PathLike)):
        for watcher in _watchers:
            watcher(os.fsdecode(path))


def opened(analysis: Analysis, options: dict[str, Any]) -> dict[str, Any]:
    """The options with a GAN and every source that is named by text opened: where it runs, names lead nowhere.

    Raises:
        AssertionError: it is no analysis, or a source ended the process.
    """
    if not isinstance(analysis, Analysis):
        raise AssertionError(f"{analysis!r} is no analysis: mark the function with @ganlab.analysis")
    given = {"gan": tiny_gan()} | options if analysis.takes_gan else options
    sources = {parameter.name: parameter for parameter in analysis.parameters if parameter.kind == "source"}
    with _going_on(analysis):
        return {name: sources[name].read(value) if name in sources else value for name, value in given.items()}


def _codes(error: BaseException) -> list[Any]:
    codes, trace = [], error.__traceback__
    while trace is not None:
        codes.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    return codes
