"""Code that comes with a checkpoint runs where the user trusts it, and no further than he says."""

from __future__ import annotations

import argparse
import copyreg
import os
import pickle
import subprocess
import warnings
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganlab import Gan, GanlabError, load_gan
from ganlab.checkpoints import trusted

from .kit import command

pytestmark = pytest.mark.usefixtures("one_thread")

# what stands in the user's module: the class, and names that it imports for itself
CODE = """
import os
from argparse import Namespace
from os import system
from subprocess import Popen
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(dim, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 768), nn.Tanh())
        self.seen = {"sizes"}
    def forward(self, z):
        return self.body(z).reshape(-1, 3, 16, 16)

class Other(nn.Module):
    pass

class Settings:
    def __init__(self):
        self.steps = 3
        self.options = Namespace(width=16)

class Kept(Net):
    def __init__(self, dim):
        super().__init__(dim)
        self.settings = Settings()
        self.act = nn.functional.relu

def helper():
    return 1
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The user's module, beside him in the current folder; called otherwise in every test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"nets_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(CODE)
    module = __import__(name)
    torch.manual_seed(0)
    return module


def saved(module: nn.Module, path: Path, *, legacy: bool = False, module_name: str = "__main__") -> Path:
    """Pickled whole, as if its classes had been defined in a script of its author's."""
    classes = {type(one) for one in module.modules() if type(one).__module__.startswith("nets_")}
    homes = {one: one.__module__ for one in classes}
    import sys
    from types import ModuleType

    stand_in = ModuleType(module_name)
    before = sys.modules.get(module_name)
    for one in classes:
        setattr(stand_in, one.__name__, one)
        one.__module__ = module_name
    sys.modules[module_name] = stand_in
    try:
        torch.save(module, path, _use_new_zipfile_serialization=not legacy)
    finally:
        for one, home in homes.items():
            one.__module__ = home
        if before is None:
            del sys.modules[module_name]
        else:
            sys.modules[module_name] = before
    return path


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("home", ["__main__", "authors"])
def test_a_pickled_module_draws_what_it_drew(code: Any, tmp_path: Path, legacy: bool, home: str) -> None:
    network = code.Net(7)
    network(torch.rand(32, 7))
    path = saved(network, tmp_path / "G.pth", legacy=legacy, module_name=home)
    gan = load_gan(f"{code.__name__}:Net+{path}", trust=True, z="normal")
    latents = gan.latents(4)
    with torch.no_grad():
        expected = network.eval()(latents.z)
    assert torch.equal(gan.generate(latents), expected)
    assert (gan.prior.dim, gan.image.size, gan.image.channels) == (7, 16, 3)


def test_a_plain_pickle_of_a_module_opens_too(code: Any, tmp_path: Path) -> None:
    network = code.Kept(5).eval()
    (tmp_path / "G.pkl").write_bytes(pickle.dumps(network))
    gan = load_gan(f"{code.__name__}:Kept+{tmp_path / 'G.pkl'}", trust=True)
    assert gan.generator.settings.steps == 3  # type: ignore[union-attr]
    assert gan.generator.settings.options.width == 16  # type: ignore[union-attr]
    with torch.no_grad():
        assert torch.equal(gan.generate(gan.latents(2)), network(gan.latents(2).z))


def test_torchs_own_modules_need_no_code_of_the_users(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(6, 28 * 28), nn.Sigmoid())
    torch.save(network, tmp_path / "G.pth")
    with pytest.raises(GanlabError, match=r"pickles whole objects \(torch\.nn\.modules"):
        load_gan(str(tmp_path / "G.pth"))
    gan = load_gan(f"torch.nn:Sequential+{tmp_path / 'G.pth'}", trust=True)
    assert gan.generate(gan.latents(2)).shape == (2, 1, 28, 28)  # flat numbers become pictures
    assert gan.image.low == 0.0


def test_without_trust_it_says_why_and_what_to_do(code: Any, tmp_path: Path) -> None:
    path = saved(code.Net(7), tmp_path / "G.pth")
    with pytest.raises(GanlabError, match=r"pickles whole objects \(__main__\.Net") as caught:
        load_gan(f"{code.__name__}:Net+{path}")
    assert "--trust" in caught.value.hint
    for trust in (False, True):  # without a class, trust alone opens nothing
        with pytest.raises(GanlabError, match="pickles whole objects") as caught:
            load_gan(str(path), trust=trust)
        assert "MODULE:CLASS+FILE --trust" in caught.value.hint


def test_it_must_be_of_the_class_that_was_named(code: Any, tmp_path: Path) -> None:
    path = saved(code.Net(7), tmp_path / "G.pth")
    with pytest.raises(GanlabError, match=r"pickles a Net, which is no .*:Other"):
        load_gan(f"{code.__name__}:Other+{path}", trust=True)
    with pytest.raises(GanlabError, match="helper is no class of a network"):
        load_gan(f"{code.__name__}:helper+{path}", trust=True)
    with pytest.raises(GanlabError, match="has no 'Missing'"):
        load_gan(f"{code.__name__}:Missing+{path}", trust=True)
    (tmp_path / "bare.py").write_text("from torch import nn\nclass Empty(nn.Module): pass\n")
    with pytest.raises(GanlabError, match=r"asks for __main__\.Net, .*no class of bare"):
        load_gan(f"bare:Empty+{path}", trust=True)


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, called: Callable[..., Any], *arguments: Any) -> None:
        self.call = (called, arguments)

    def __reduce__(self) -> Any:
        return self.call


ATTACKS = {
    "os.system": lambda evidence: Calls(os.system, f"touch {evidence}"),
    "subprocess.Popen": lambda evidence: Calls(subprocess.Popen, ["touch", str(evidence)]),
    "eval": lambda evidence: Calls(eval, f"open({str(evidence)!r}, 'w')"),
    "getattr": lambda evidence: Calls(getattr, nn.Linear, "__init__"),
    "torch.load": lambda evidence: Calls(torch.load, str(evidence)),
    "torch.hub": lambda evidence: Calls(torch.hub.load, str(evidence), "x"),
    "a function of torch.nn": lambda evidence: Calls(nn.init.zeros_, torch.zeros(2)),
    "nested": lambda evidence: Calls(
        torch.storage._load_from_bytes, pickle.dumps(Calls(os.system, f"touch {evidence}"))
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("way", ["zip", "legacy", "plain"])
def test_trust_goes_no_further_than_layers_and_the_users_classes(
    code: Any, tmp_path: Path, attack: str, way: str
) -> None:
    evidence = tmp_path / "evidence"
    network = code.Net(3)
    network.more = ATTACKS[attack](evidence)
    path = tmp_path / "G.pth"
    if way == "plain":
        path.write_bytes(pickle.dumps(network))
    else:
        torch.save(network, path, _use_new_zipfile_serialization=way == "zip")
    with pytest.raises(GanlabError, match="asks for"):
        load_gan(f"{code.__name__}:Net+{path}", trust=True)
    assert not evidence.exists()


ROOMY = {
    "bytearray": lambda: Calls(bytearray, 5),
    "bytes": lambda: Calls(bytes, 5),
    "list": lambda: Calls(list, (1, 2)),
    "range": lambda: Calls(list, Calls(range, 5)),
    "Linear": lambda: Calls(nn.Linear, 5, 5),
    "_reconstructor": lambda: Calls(copyreg._reconstructor, bytes, bytes, 5),  # type: ignore[attr-defined]
    "inside": lambda: Calls(torch.storage._load_from_bytes, pickle.dumps(Calls(bytes, 5))),
}


@pytest.mark.parametrize("call", ROOMY)
@pytest.mark.parametrize("way", ["zip", "legacy", "plain"])
def test_nothing_is_called_that_takes_as_much_memory_as_it_is_told(
    code: Any, tmp_path: Path, call: str, way: str
) -> None:
    network = code.Net(3)
    network.more = ROOMY[call]()
    path = tmp_path / "G.pth"
    if way == "plain":
        path.write_bytes(pickle.dumps(network))
    else:
        torch.save(network, path, _use_new_zipfile_serialization=way == "zip")
    with pytest.raises(GanlabError, match="which may take any memory"):
        load_gan(f"{code.__name__}:Net+{path}", trust=True)


def test_tuples_without_end_are_refused(code: Any, tmp_path: Path) -> None:
    (tmp_path / "G.pkl").write_bytes(
        b"\x80\x02}(U\x01a" + b"c" + code.__name__.encode() + b"\nNet\n)" + b"2\x86" * 45 + b"K\x01u."
    )
    with pytest.raises(GanlabError, match="tuples inside each other"):
        load_gan(f"{code.__name__}:Net+{tmp_path / 'G.pkl'}", trust=True)


def test_containers_of_many_kinds_open(code: Any, tmp_path: Path) -> None:
    """What may not be called with arguments may still be named, and copied empty."""
    network = code.Net(3)
    network.more = [
        defaultdict(list, {"a": [1]}),
        b"",
        b"ab",
        {1, 2},
        frozenset({"x"}),
        deque([1]),
        bytes,
        (1, (2,)),
    ]
    for number, way in enumerate(("zip", "legacy", 2, 4)):
        path = tmp_path / f"G{number}.pth"
        if isinstance(way, int):
            path.write_bytes(pickle.dumps(network, way))
        else:
            torch.save(network, path, _use_new_zipfile_serialization=way == "zip")
        assert trusted.load_module(path, code).more == network.more


@pytest.mark.parametrize("name", ["os\nsystem", "x\nsystem", "x\nPopen", "x\nhelper", "x\nos"])
def test_what_the_users_module_merely_imports_is_not_reached(code: Any, tmp_path: Path, name: str) -> None:
    evidence = tmp_path / "evidence"
    (tmp_path / "G.pkl").write_bytes(b"c" + name.encode() + b"\n(S'touch " + str(evidence).encode() + b"'\ntR.")
    with pytest.raises(GanlabError, match="asks for"):
        load_gan(f"{code.__name__}:Net+{tmp_path / 'G.pkl'}", trust=True)
    assert not evidence.exists()


def test_no_class_is_changed_for_everybody(code: Any, tmp_path: Path) -> None:
    """BUILD sets state on whatever lies on the stack, a class as well."""
    (tmp_path / "G.pkl").write_bytes(b"\x80\x02cargparse\nNamespace\nN}X\x05\x00\x00\x00pwnedK\x01s\x86b.")
    with pytest.raises(GanlabError):
        load_gan(f"{code.__name__}:Net+{tmp_path / 'G.pkl'}", trust=True)
    assert not hasattr(argparse.Namespace, "pwned")
    assert not hasattr(trusted.OpenOptions, "pwned")


def test_dotted_names_lead_nowhere(code: Any, tmp_path: Path) -> None:
    def text(word: str) -> bytes:
        return b"\x8c" + bytes([len(word)]) + word.encode()

    for module, name in (
        ("torch.nn", "modules.module.torch.hub.load"),
        (code.__name__, "os.system"),
        ("x", "Net.apply"),
    ):
        (tmp_path / "G.pkl").write_bytes(b"\x80\x04" + text(module) + text(name) + b"\x93)R.")
        with pytest.raises(GanlabError, match="asks for"):
            load_gan(f"{code.__name__}:Net+{tmp_path / 'G.pkl'}", trust=True)


@pytest.mark.parametrize("legacy", [False, True])
def test_damaged_files_are_told(code: Any, tmp_path: Path, legacy: bool) -> None:
    whole = saved(code.Net(3), tmp_path / "G.pth", legacy=legacy).read_bytes()
    for end in range(40, len(whole), len(whole) // 25):
        (tmp_path / "cut.pth").write_bytes(whole[:end])
        with pytest.raises(GanlabError):
            load_gan(f"{code.__name__}:Net+{tmp_path / 'cut.pth'}", trust=True)


HUBCONF = """
import torch
from pathlib import Path
Path(__file__).with_name("ran").write_text("")
def generator():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.ConvTranspose2d(9, 6, 4), torch.nn.BatchNorm2d(6), torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(6, 3, 4, 4), torch.nn.Tanh(),
    )
"""


def test_torch_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "hubconf.py").write_text(HUBCONF)
    with pytest.raises(GanlabError, match="would run code") as caught:
        load_gan("hub:./repo:generator")
    assert "--trust" in caught.value.hint
    assert not (tmp_path / "repo" / "ran").exists()
    gan = load_gan("hub:./repo:generator", trust=True, z="uniform")
    assert (gan.prior.dim, gan.prior.law, gan.image.size, gan.name) == (9, "uniform", 16, "repo-generator")
    assert gan.generate(gan.latents(2)).shape == (2, 3, 16, 16)


def test_the_commands_take_the_flag(code: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(code.Net(7), tmp_path / "G.pth")
    spec = f"{code.__name__}:Net+{path}"
    words = ["walk", "--points", "2", "--steps", "2", "--gan", spec, "--trust", "--out", str(tmp_path / "out")]
    ended = command(capsys, *words)
    assert ended.code == 0, ended.err
    page = (tmp_path / "out" / "index.html").read_text()
    assert "--trust" in page
    assert "--trust True" not in page
    refused = command(capsys, "checkpoints", "info", spec)
    assert refused.code == 2
    assert "--trust" in refused.err.partition("Hint: ")[2]


def test_real_ones(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shared_data / "checkpoints"
    if not folder.is_dir():
        pytest.skip("no checkpoints among the shared data")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "authors.py").write_text(
        "from torch import nn\n"
        "class Generator(nn.Module):\n    def forward(self, z):\n        return self.model(z)\n"
        "class DCGAN_G(nn.Module):\n    def forward(self, z):\n        return self.main(z)\n"
    )
    digits = load_gan(f"authors:Generator+{folder / 'mnist28-pickled-module' / 'generator.pth'}", trust=True)
    assert (digits.prior.dim, digits.prior.law, digits.image.size, digits.image.channels) == (128, "normal", 28, 1)
    tiles = load_gan(f"authors:DCGAN_G+{folder / 'mario32-dashed-keys' / 'mario_gan.pth'}", trust=True)
    assert (tiles.prior.dim, tiles.image.size, tiles.image.channels) == (32, 32, 1)
    for gan in (digits, tiles):
        assert gan.generate(gan.latents(16)).std(0).mean() > 0.01


@pytest.mark.parametrize("traced", [False, True])
def test_a_torchscript_program_opens_by_a_function_that_loads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, traced: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    network = nn.Sequential(nn.Linear(7, 16), nn.BatchNorm1d(16), nn.ReLU(True), nn.Linear(16, 768), nn.Tanh()).eval()
    network.append(nn.Unflatten(1, (3, 16, 16)))
    with warnings.catch_warnings(action="ignore"):  # that torch.jit is old: its files are, too
        program = torch.jit.trace(network, torch.zeros(2, 7)) if traced else torch.jit.script(network)
        torch.jit.save(program, "G.pt")
    name = f"programs_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text("import torch\ndef network():\n    return torch.jit.load('G.pt')\n")
    for spec in ("G.pt", f"{name}:network+G.pt"):
        for trust in (False, True):
            with pytest.raises(GanlabError, match=r"^G.pt is a TorchScript program") as caught:
                load_gan(spec, trust=trust)
            assert "torch.jit.load(FILE)" in caught.value.hint
            assert "--trust" not in caught.value.hint
    gan = load_gan(f"{name}:network")
    latents = gan.latents(4)
    with torch.no_grad():
        expected = network(latents.z)
    torch.testing.assert_close(gan.generate(latents), expected)
    assert gan.layers("generator") == gan.hidden_layers() == gan.feature_layers("generator") == []
    whole = Gan(torch.jit.load("G.pt"), prior=gan.prior, image=gan.image)
    assert whole.hidden_layers() == whole.feature_layers("generator") == []
    torch.testing.assert_close(whole.generate(latents), expected)
    with warnings.catch_warnings(action="ignore"):
        torch.save(torch.jit.load("G.pt").state_dict(), "weights.pth")
    weights = load_gan("weights.pth", activation="relu", z=gan.prior.law, output="tanh")
    torch.testing.assert_close(weights.generate(latents), expected)
