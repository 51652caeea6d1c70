"""--gan MODULE:FACTORY: networks by the user's own code, with or without a file of weights."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ganlab import load_gan
from ganlab.testing import tiny_gan
from tests.door_kit import Pair, Z, draws_as, refused

pytestmark = pytest.mark.usefixtures("one_thread")

MODULE = """
import torch
from torch import nn
from tests.door_kit import Discriminator, Generator, pair
from ganlab.testing import tiny_gan

def generator(): return pair().generator
def fresh(): return Generator()
def both(): return tuple(pair())
def whole(): return tiny_gan()
def flat(): return nn.Sequential(nn.Linear(16, 768), nn.Tanh(), nn.Unflatten(1, (3, 16, 16)))
def failing(): raise KeyError("dataset")
def number(): return 7
def words(): return nn.Linear(3, 4)

class Giving(Generator):
    def __init__(self, put):
        super().__init__()
        self.put = put
    def forward(self, z): return self.put(super().forward(z))
def sizes(): return Giving(lambda pictures: [pictures, pictures[..., ::2, ::2]])
def named(): return Giving(lambda pictures: {"image": pictures})
def grey(): return Giving(lambda pictures: pictures[:, 0])
made = pair().generator
class Inside:
    network = Generator

def drawing(*end):  # without a bias anywhere, so that z = 0 draws 0
    up, output = nn.ConvTranspose2d(16, 8, 4, bias=False), nn.ConvTranspose2d(8, 3, 4, 4, bias=False)
    return nn.Sequential(up, nn.BatchNorm2d(8), nn.ReLU(), output, *end)
def tanh(): return drawing(nn.Tanh())
def sigmoid(): return drawing(nn.Sigmoid(), nn.Flatten())
def bare(): return drawing()
def relu(weight):
    network = drawing(nn.ReLU())
    nn.init.constant_(network[3].weight, weight)
    return network
def faint(): return relu(0.01)
def glaring(): return relu(1.0)

class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 16)
    def forward(self, images): return torch.sigmoid(self.conv(images)).flatten()
def functional(): return tanh(), Functional()
def patches(): return tanh(), nn.Conv2d(3, 1, 8, 4)
def other_size(): return tanh(), nn.Sequential(nn.Flatten(), nn.Linear(5, 1))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_networks.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("my_networks", None)


@pytest.mark.parametrize("factory", ["generator", "both", "made"])
def test_networks_by_code(module: None, made: Pair, factory: str) -> None:
    gan = load_gan(f"my_networks:{factory}")
    assert draws_as(gan, made.generator)
    assert (gan.prior.dim, gan.prior.law, gan.image.size) == (Z, "normal", 16)
    assert (gan.discriminator is not None) == (factory == "both")
    assert gan.layers()


def test_a_factory_of_flat_z_and_one_of_a_whole_gan(module: None) -> None:
    assert load_gan("my_networks:flat").generate(load_gan("my_networks:flat").latents(2)).shape == (2, 3, 16, 16)
    assert load_gan("my_networks:whole").hash == tiny_gan().hash
    assert load_gan("my_networks:flat", z="uniform", output="sigmoid").image.low == 0


@pytest.mark.parametrize("factory", ["fresh", "Inside.network"])
def test_code_filled_from_a_file(module: None, made: Pair, saved: Path, factory: str) -> None:
    torch.save({"epoch": 3, "netG": made.generator.state_dict(prefix="module.")}, "state.pth")
    save_file(made.generator.state_dict(), "G.safetensors")
    for file in ("netG.pth", "state.pth", "G.safetensors"):
        assert draws_as(load_gan(f"my_networks:{factory}+{file}"), made.generator)
    refused(f"my_networks:{factory}+netD.pth", "do not fit the generator of my_networks")
    refused(f"my_networks:{factory}+none.pth", "no file 'none.pth'")


@pytest.mark.parametrize(
    ("factory", "words"),
    {
        "my_networks:failing": "failed: KeyError: 'dataset'",
        "my_networks:number": "gave int",
        "my_networks:missing": "has no 'missing'",
        "my_networks:words": "takes z neither as|no square picture",
        "my_networks:sizes": r"takes z as \(n, 16, 1, 1\) and gives a list for two of them: no pictures",
        "my_networks:named": "and gives a dict for two of them",
        "my_networks:grey": r"and gives a tensor \(2, 16, 16\) for two of them",
        "my_networks:functional": "my_networks:functional ends in a sigmoid",
        "my_networks:other_size": "cannot score its pictures: RuntimeError",
        "no_such_module:thing": "'no_such_module' cannot be imported",
    }.items(),
)
def test_code_that_gives_no_gan_is_told(module: None, factory: str, words: str) -> None:
    refused(factory, words)


@pytest.mark.parametrize(
    ("code", "words"),
    [("def made(:", "SyntaxError: .*line 1"), ("import torch\ntorch.no_such_name", "AttributeError: .*no_such_name")],
)
def test_a_module_that_does_not_run_is_told(module: None, code: str, words: str) -> None:
    Path("broken_networks.py").write_text(code)
    refused("broken_networks:made", f"'broken_networks' cannot be imported: {words}")


@pytest.mark.parametrize(
    ("factory", "low"), [("tanh", -1), ("sigmoid", 0), ("bare", -1), ("faint", 0), ("glaring", -1)]
)
def test_the_range_is_what_the_network_ends_in(module: None, factory: str, low: float) -> None:
    gan = load_gan(f"my_networks:{factory}")
    assert (gan.image.low, gan.image.high) == (low, 1)
    guessed = [note for note in gan.card.facts["notes"] if "Range of the pictures" in note]
    assert len(guessed) == (factory in ("bare", "faint", "glaring"))


def test_a_final_sigmoid_is_left_out_of_the_logits(module: None, made: Pair) -> None:
    gan = load_gan("my_networks:both")
    pictures = gan.generate(gan.latents(4))
    with torch.no_grad():
        torch.testing.assert_close(gan.score(pictures), made.discriminator.main[:-1](pictures).flatten())


def test_the_score_is_the_mean_of_the_logits_of_all_patches(module: None) -> None:
    gan = load_gan("my_networks:patches")
    pictures = gan.generate(gan.latents(4))
    with torch.no_grad():
        logits = gan.network("discriminator").network(pictures)
    assert logits.shape == (4, 1, 3, 3)
    torch.testing.assert_close(gan.score(pictures), logits.mean((1, 2, 3)))


@pytest.mark.parametrize("spec", ["safetensor:G.safetensors", "kers:model.h5", "pytorhc:weights", "kers:model.h5+D.h5"])
def test_a_slip_in_the_name_of_a_format_runs_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    prefix, _, rest = spec.partition("+")[0].partition(":")
    (tmp_path / f"{prefix}.py").write_text("from pathlib import Path\nPath('ran').write_text('')\n")
    if rest == "weights":
        (tmp_path / rest).mkdir()
    else:
        (tmp_path / rest).write_bytes(b"x")
    (tmp_path / "D.h5").write_bytes(b"x")
    error = refused(spec, f"There is no format '{prefix}'")
    assert not (tmp_path / "ran").exists()
    if prefix != "kers":
        assert f"Did you mean {'safetensors' if prefix == 'safetensor' else 'pytorch'} or " in error.hint
    assert "MODULE:FACTORY" in error.hint


def test_what_is_installed_comes_before_what_lies_in_the_current_folder(
    module: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "nets_shadowed.py").write_text("from torch import nn\ndef f(): return nn.Linear(3, 768)\n")
    (tmp_path / "nets_shadowed.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    load_gan("my_networks:flat")  # by which the current folder is looked into
    assert load_gan("nets_shadowed:f", z="normal", output="tanh").image.size == 16
    sys.modules.pop("nets_shadowed", None)
