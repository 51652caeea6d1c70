"""Networks that a plugin brings to be trained, as docs/plugins.md shows them: with classes and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab import Architecture, Gan, NetworkSettings, load_gan, plugins, save_gan
from ganlab.errors import GanlabError
from ganlab.networks.devices import address_space_is_limited
from ganlab.testing import tiny_gan
from tests.conditional_kit import CLASSES, labelled
from tests.gan_kit import Block, small
from tests.kit import Ended, command
from tests.plugin_kit import forget_modules, install
from tests.test_docs import plugin_sources

Run = Callable[..., Ended]
TRAIN = ["--arch", "thin", "--size", "16", "--width", "8", "--z-dim", "6", "--batch", "20", "--epochs", "1"]


def shown() -> str:
    """The example of the docs."""
    return next(source for source in plugin_sources() if "NetworkSettings" in source)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """A command in an empty folder, but for the plugin ``thin.py`` that a test writes; it stays known until the end."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: object) -> Ended:
        plugins.host.cache_clear()
        return command(capsys, *([] if words[0] == "plugins" else ["--plugin", "thin.py"]), *words)

    yield typed
    plugins.host.cache_clear()
    forget_modules()


@pytest.mark.parametrize("labels", ["labels=None", "labels"])
def test_what_the_docs_show_trains_with_classes_and_opens(run: Run, tmp_path: Path, labels: str) -> None:
    Path("thin.py").write_text(shown().replace("labels=None", labels))
    spec = labelled(tmp_path)
    assert run("train", spec, *TRAIN, "--conditional", "--out", "run").code == 0
    gan = load_gan("run")
    assert gan.card.summary.startswith("A class-conditional GAN of thin layers trained on")
    assert (gan.classes, gan.conditional_discriminator) == (CLASSES, True)
    assert [layer.name for layer in gan.layers("discriminator")] == ["hidden", "act", "output", "logit"]
    images = gan.generate(gan.latents(4, label=1))
    one, two = (gan.score(images, torch.full((4,), label)) for label in (1, 2))
    assert one.shape == (4,)
    assert not torch.equal(one, two)
    with pytest.raises(GanlabError, match="told the class"):
        gan.score(images)
    chosen = gan.of_class(2)
    assert torch.equal(chosen.score(images), two)
    assert torch.equal(chosen.discriminator(images), two)  # type: ignore[misc]  # for whoever calls it with pictures
    assert gan.untrained(1).of_class(0).score(images).shape == (4,)
    save_gan(chosen, "kept")
    assert torch.equal(load_gan("kept").of_class(2).score(images), two)
    assert run("train", spec, *TRAIN[-4:], "--start", "kept", "--out", "on").code == 0
    assert load_gan("on").conditional_discriminator


def test_what_the_docs_show_trains_without_classes_and_opens(run: Run, tmp_path: Path) -> None:
    Path("thin.py").write_text(shown())
    assert run("train", labelled(tmp_path), *TRAIN, "--out", "run").code == 0
    gan = load_gan("run")
    assert gan.card.architecture == {"name": "thin", "size": 16, "channels": 3, "width": 8, "z_dim": 6}
    assert not gan.conditional_discriminator
    assert gan.score(gan.generate(gan.latents(3))).shape == (3,)


def test_what_can_be_trained_is_found(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The help, which imports no plugin, says where."""
    Path("thin.py").write_text(shown())
    assert "Those that plugins bring: `ganlab plugins`." in " ".join(run("train", "--help").out.split())
    ended = run("train", "rooms:40", "--arch", "thinn", "--out", "run")
    assert ended.code == 2
    assert "Did you mean thin? There are: dcgan, digits, mlp, thin." in ended.err
    plugins.host.cache_clear()
    assert "architecture thin" in command(capsys, "--plugin", "thin.py", "plugins").out


def test_a_plugin_that_was_left_out_is_told_where_its_networks_are_missed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("thin.py").write_text(shown())
    install(tmp_path / "site", "broken", "import nothing_of_this_name")
    monkeypatch.syspath_prepend(tmp_path / "site")
    ended = run("train", "rooms:40", "--arch", "thick", "--out", "run")
    assert ended.code == 2
    assert "plugin 'broken' (demo-broken 1.0) was left out: " in ended.err.partition("There are:")[2]


@pytest.mark.parametrize("word", ["name", "title"])
def test_settings_without_a_word_are_refused_where_they_are_brought(run: Run, word: str) -> None:
    lines = [line for line in shown().splitlines() if not line.startswith(f"    {word} =")]
    Path("thin.py").write_text("\n".join(lines))
    ended = run("plugins", "check", "thin.py")
    assert ended.code != 0
    said = " ".join((ended.err + ended.out).split())
    assert f'TypeError: ThinSettings needs a {word}: write {word} = "..." in the class' in said


@pytest.mark.parametrize("title", ["", None, 3])
def test_a_title_is_text(title: Any) -> None:
    @dataclass(frozen=True)
    class Titled(NetworkSettings):
        name = "titled"

        def build(self, seed: int) -> Any:
            raise NotImplementedError

    Titled.title = title
    with pytest.raises(TypeError, match="Titled needs a title"):
        Architecture.of(Titled, "nothing")


@pytest.mark.skipif(address_space_is_limited(), reason="where memory is limited, maps lie as torch makes them")
def test_maps_lie_channels_last_in_networks_that_were_trained_so() -> None:
    def lie_last(gan: Gan) -> list[bool]:
        weights = [value for value in gan.generator.parameters() if value.ndim == 4]  # type: ignore[union-attr]
        return [value.is_contiguous(memory_format=torch.channels_last) for value in weights if value.shape[-1] > 1]

    trained = tiny_gan()
    assert all(lie_last(trained))
    assert all(lie_last(trained.untrained(1)))
    assert all(lie_last(trained.without("up8", [0])))
    assert not any(lie_last(small(Block())))  # somebody's own
