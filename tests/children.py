"""What tests do in processes of their own: be killed, be limited, be interrupted.

They are forked from a server that has imported torch once, so that a child starts in a moment.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

LONGEST = 300.0  # seconds that any child may take


class Child:
    """A process that runs one function of this module; ``output`` is all it printed, ``code`` how it ended.

    A GanlabError ends it as it ends the command line: message and hint printed, code 2.
    """

    def __init__(self, folder: Path, function: Callable[..., None], *arguments: Any) -> None:
        self._log = folder / f"child-{time.monotonic_ns()}.log"
        settings = {name: os.environ[name] for name in ("GANLAB_CACHE", "GANLAB_RUNS") if name in os.environ}
        self.process: BaseProcess = _server().Process(target=_run, args=(self._log, settings, function, arguments))
        self.process.start()

    @property
    def output(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def wait(self) -> int:
        self.process.join(LONGEST)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"a child did not end: {self.output}")
        return self.process.exitcode

    def signal(self, number: signal.Signals) -> int:
        """Send a signal; how the process ended then."""
        assert self.process.pid is not None
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(self.process.pid, number)
        return self.wait()

    def wait_for(self, what: Callable[[], bool], pause: float = 0.005) -> bool:
        """Wait until something holds, asking every so many seconds; False when the process ended first."""
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            if what():
                return True
            if not self.process.is_alive():
                return False
            time.sleep(pause)
        raise AssertionError(f"nothing happened in a child: {self.output}")


def alike(folder: Path, count: int, function: Callable[..., None], *arguments: Any) -> list[Child]:
    """Processes that train together, started as torchrun starts them on one machine."""
    port = free_port()
    return [Child(folder, one_of, rank, count, port, function, *arguments) for rank in range(count)]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["ganlab.training.starting", "ganlab.training.meeting", "torch._dynamo", "matplotlib.figure", "tests.children"]
    )
    return context


def _run(log: Path, settings: dict[str, str], function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    import torch

    from ganlab.cli.explaining import exit_code
    from ganlab.errors import GanlabError
    from ganlab.training.ending import Ended

    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.update(settings)
    # as at a terminal: whoever starts tests in the background of a shell has Ctrl-C ignored in all that they start, and
    # under nohup SIGHUP
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    torch.set_num_threads(1)
    code = 0
    try:
        function(*arguments)
    except Ended as ending:
        code = exit_code(ending)
    except GanlabError as error:
        print(error.message, error.hint)
        code = 2
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


# what children do


def one_of(rank: int, count: int, port: int, function: Callable[..., None], *arguments: Any) -> None:
    """One of the processes that train together does something."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    os.environ.update(zip(names, map(str, (rank, count, rank, count, "127.0.0.1", port)), strict=True))
    function(*arguments)


def command_line(*words: str) -> None:
    """`ganlab` with these words."""
    from ganlab.cli.app import main

    sys.argv = ["ganlab", *words]
    main()


def train(run: Path, settings: Any, save_every: float, threads: int = 1, conditional: bool = False) -> None:
    """Start a run, or go on with it when it has a state. A state every so many seconds; the plot is left blank."""
    import torch

    from ganlab.training import loop, starting
    from ganlab.training.joining import joined
    from ganlab.training.journal import Journal
    from ganlab.training.state import STATE
    from tests.kit import blank_plot

    torch.set_num_threads(threads)
    loop.SAVE_EVERY = save_every
    Journal._plot = blank_plot  # type: ignore[method-assign]
    reading = starting.Reading(0, False)
    with joined() as processes:
        if (run / STATE).exists():
            starting.resume(run, None, {}, reading, "cpu", processes)
        else:
            starting.start(settings, reading, "cpu", run, conditional=conditional, processes=processes)


def train_until_the_disk_is_full(run: Path) -> None:
    """After five steps no file may grow beyond a hundred bytes: what a full disk does to a state."""
    import resource

    from ganlab.training import loop
    from ganlab.training.journal import Journal
    from ganlab.training.trainer import Trainer
    from tests.kit import Pictures, blank_plot, tiny_settings

    loop.SAVE_EVERY = 0.0
    Journal._plot = blank_plot  # type: ignore[method-assign]
    trainer = Trainer(tiny_settings(), "cpu")

    def fill() -> bool:
        if trainer.step == 6:
            size = (run / "history.csv").stat().st_size + 4096
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return False

    loop.train(Pictures(64), run, trainer, stop=fill)


def run_out_of_memory() -> None:
    """Draw 64 pictures with ever other little memory to spare, then build a large network."""
    import resource

    import torch

    from ganlab.architectures import build
    from ganlab.architectures.dcgan import DcganSettings, build_dcgan
    from ganlab.errors import GanlabError
    from ganlab.gan import Gan
    from ganlab.imagespec import ImageSpec
    from ganlab.latents import Prior

    resource.setrlimit(resource.RLIMIT_AS, (1 << 40, resource.RLIM_INFINITY))  # as ``ulimit -v`` does before the start
    gan = Gan(build(DcganSettings(128, 3, 8, 10).to_card())[0], prior=Prior(10), image=ImageSpec(128))
    latents = gan.latents(64)
    gan.generate(latents[:1])  # libraries and their caches are loaded
    sizes: list[int] = []

    def note(features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        sizes.append(len(features))
        return features

    for spare in (20, 1, 30, 2, 0):  # MiB
        sizes.clear()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + (spare << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            with gan.edit({"up4": note}):
                gan.generate(latents)
            ending = "drawn"
        except GanlabError as error:
            ending = error.message
        print(ending, "smallest batch", min(sizes))
    try:
        build_dcgan(DcganSettings(256, 3, 64, 10))
    except GanlabError as error:
        print(error.message)


def normalise_a_share(folder: Path, cases: list[Any]) -> None:
    """BatchNorm over a joined batch: writes what this process's share became, its gradient, and the module's."""
    import copy

    import torch

    from ganlab.training.distributed import Group
    from ganlab.training.joining import joined

    with joined() as group:
        assert isinstance(group, Group)
        done = []
        for plain, rows, weights in cases:
            part = slice(group.place.rank * len(rows) // group.count, (group.place.rank + 1) * len(rows) // group.count)
            network = torch.nn.Sequential(copy.deepcopy(plain))  # what was sent lies in memory that is shared
            group.synchronise_batch_norm(network)
            mine = rows[part].clone().requires_grad_()
            for _ in range(2):
                network(mine)
            out = network(mine)
            (out * weights[part]).sum().backward()
            if plain.affine:
                group.average_gradients(network)
            done.append((out.detach(), mine.grad, [p.grad for p in network.parameters()], network.state_dict()))
        torch.save(done, folder / f"{group.place.rank}.pt")


def take_turns(folder: Path, machines: int) -> None:
    """Write down who works when; the processes are spread over so many machines."""
    from dataclasses import replace

    from ganlab.training.joining import joined

    with joined() as group:
        group.place = replace(group.place, local_rank=group.place.rank // machines)

        def work() -> int:
            with (folder / "turns").open("a") as file:
                file.write(f"{group.place.rank}\n")
            time.sleep(0.05)
            return group.place.rank

        assert group.in_turn(work) == group.place.rank
