"""TensorFlow's checkpoints, read without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import Part
from ganlab.architectures.chain import build_layers
from ganlab.recovery.tables import filled
from ganlab_formats import keras_files, tf_checkpoint
from ganlab_formats.crc32c import crc32c
from tests.stored_kit import KEYS
from tests.tensorflow_writer import arrays, entry, field, table, write

FIXTURES = Path(__file__).parent / "fixtures" / "keras"
ALONE = FIXTURES / "keras2-alone"


# checksums


def test_crc32c_of_the_standard() -> None:
    """RFC 3720, B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 511, 512, 768, 4096, 5000, 70_001])
def test_crc32c_by_lanes_is_that_by_bytes(length: int) -> None:
    data = np.random.default_rng(length).bytes(length)
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


# what TensorFlow wrote


def unordered(part: Part, high: int, wide: int) -> dict[str, torch.Tensor]:
    """A linear part's outputs from (h, w, c) to (c, h, w)."""
    return {
        role: values.reshape(high, wide, -1, *values.shape[1:]).movedim(2, 0).reshape(values.shape)
        for role, values in part.tensors.items()
    }


def test_the_same_as_in_hdf5() -> None:
    ours, kerass = tf_checkpoint.load(ALONE), keras_files.load(FIXTURES / "keras2-alone.h5")
    assert ours.eps == kerass.eps
    assert ours.notes == kerass.notes
    for one, other in zip(ours.networks[0].parts, kerass.networks[0].parts, strict=True):
        assert (one.kind, one.settings) == (other.kind, other.settings)
        for role in other.tensors:
            torch.testing.assert_close(one.tensors[role], other.tensors[role], rtol=0, atol=0)


def test_layers_that_a_card_states_take_maps_first() -> None:
    """Keras counts flat features rows, columns, maps; whoever spells the layers out, counts as torch does."""
    (network,) = tf_checkpoint.load(ALONE).networks
    (stated,) = keras_files.load(FIXTURES / "keras2-generator.h5").networks
    parts = tuple(replace(one, name=other.name) for one, other in zip(network.parts, stated.parts, strict=True))
    layers = filled(replace(network, parts=parts, layers=stated.layers))
    moved = [part for _, part in layers if part is not None]
    for before, after in zip(parts, moved, strict=True):
        expected = unordered(before, 3, 5) if len(before.tensors["weight"]) == 60 else before.tensors
        for role, values in expected.items():
            torch.testing.assert_close(after.tensors[role], values, rtol=0, atol=0)


def test_weights_kept_with_their_optimizer() -> None:
    """Keras 3 files trainable weights under the optimizer, and statistics under the model."""
    (network,) = tf_checkpoint.load(FIXTURES / "keras3-trained").networks
    kerass = keras_files.load(FIXTURES / "keras2-alone.h5").networks[0]
    assert (network.name, network.side) == ("generator", "generator")
    for one, other in zip(network.parts, kerass.parts, strict=True):
        assert (one.kind, set(one.tensors)) == (other.kind, set(other.tensors))
        for role in other.tensors:
            torch.testing.assert_close(one.tensors[role], other.tensors[role], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["keras2-alone", "keras2-alone.index", "keras2-alone.data-00000-of-00001"])
def test_every_name_of_it(name: str) -> None:
    assert tf_checkpoint.recognises(FIXTURES / name)
    assert len(tf_checkpoint.load(FIXTURES / name).networks[0].parts) == 7


def test_other_names_are_none(tmp_path: Path) -> None:
    assert not tf_checkpoint.recognises(tmp_path)
    assert not tf_checkpoint.recognises(tmp_path / "model")
    assert not tf_checkpoint.recognises(FIXTURES / "keras2-alone.h5")


def beside_statistics(norm: torch.nn.BatchNorm2d, features: torch.Tensor) -> float:
    """How far the means of features lie from those stored, in standard deviations, on average over the maps."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    off = (features.mean((0, 2, 3)) - norm.running_mean) / norm.running_var.sqrt()
    return float(off.abs().mean())


def test_anime(shared_data: Path) -> None:
    """Two trainings of one network, one saved in each way: weights differ, layers do not.

    Each normalisation stores the mean and variance of what came in while it was trained. They are met only if every
    kernel before is turned right and the flat features are in order.
    """
    folder = shared_data / "checkpoints" / "anime64-keras-and-tf"
    by_tensorflow = tf_checkpoint.load(folder).networks[0]  # the folder's note names a checkpoint that is not there
    by_keras = keras_files.load(folder / "generator.h5").networks[0]
    assert by_tensorflow.side == by_keras.side == "generator"
    weights = {}
    for number, (one, other) in enumerate(zip(by_tensorflow.parts, by_keras.parts, strict=True)):
        assert one.kind == other.kind
        assert {role: one.tensors[role].shape for role in one.tensors} == {
            role: other.tensors[role].shape for role in other.tensors
        }
        tensors = one.tensors if number else unordered(one, 4, 4)
        weights |= {f"{other.name}.{KEYS.get(role, role)}": values for role, values in tensors.items()}
    module = build_layers(by_keras.layers).eval()
    module.load_state_dict(weights, strict=False)
    off: list[float] = []
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.register_forward_pre_hook(lambda norm, given: off.append(beside_statistics(norm, given[0])))
    with torch.no_grad():
        pictures = module(torch.randn(256, 128, generator=torch.Generator().manual_seed(0)))
    assert pictures.shape == (256, 3, 64, 64)
    assert len(off) == 4
    assert max(off) < 0.05


# names without a graph


def test_names_of_tensorflow_1(tmp_path: Path) -> None:
    """tf.layers in two scopes, with Adam's slots beside."""
    prefix = write(
        tmp_path / "model.ckpt-10",
        {
            "beta1_power": np.float32(0.5).reshape(()),
            **arrays(
                **{
                    "discriminator/conv2d/kernel": (4, 4, 1, 4),
                    "discriminator/conv2d/bias": (4,),
                    "discriminator/conv2d/bias/Adam_1": (4,),
                    "discriminator/conv2d_1/kernel": (4, 4, 4, 8),
                    "discriminator/dense/kernel": (128, 1),
                    "generator/batch_normalization/gamma": (6,),
                    "generator/batch_normalization/beta": (6,),
                    "generator/batch_normalization/moving_mean": (6,),
                    "generator/batch_normalization/moving_variance": (6,),
                    "generator/conv2d_transpose/kernel": (4, 4, 6, 3),
                    "generator/conv2d_transpose_1/kernel": (4, 4, 1, 6),
                    "generator/dense/kernel": (5, 48),
                    "generator/dense/kernel/Adam": (5, 48),
                }
            ),
        },
        shards=3,
    )
    judge, generator = tf_checkpoint.load(prefix).networks
    assert (judge.name, judge.side, generator.side) == ("discriminator", "discriminator", "generator")
    assert [part.name for part in judge.parts] == ["conv2d", "conv2d_1", "dense"]
    assert [part.name for part in generator.parts] == [
        "dense",
        "conv2d_transpose",
        "batch_normalization",
        "conv2d_transpose_1",
    ]
    assert generator.parts[1].tensors["weight"].shape == (3, 6, 4, 4)
    assert judge.parts[1].tensors["weight"].shape == (8, 4, 4, 4)
    assert "order" in judge.parts[2].settings
    assert "order" in generator.parts[0].settings


def test_names_of_a_program(tmp_path: Path) -> None:
    """Names that say nothing of the kind: biases and normalisations tell which axis is which."""
    found = arrays(
        **{
            "generator/g_h0_lin/Matrix": (5, 64),
            "generator/g_h0_lin/bias": (64,),
            "generator/g_h1/w": (5, 5, 2, 4),
            "generator/g_h1/biases": (2,),
            "generator/g_h2/w": (5, 5, 3, 2),
            "generator/g_h3/w": (5, 5, 3, 3),
            "generator/g_bn2/gamma": (3,),
            "generator/g_bn2/beta": (3,),
            "generator/g_h10/w": (5, 5, 3, 7),
            "generator/g_h10/biases": (7,),
        }
    )
    parts = tf_checkpoint.load(write(tmp_path / "DCGAN.model-2", found)).networks[0].parts
    assert [(part.name, part.kind) for part in parts] == [
        ("g_h0_lin", "linear"),
        ("g_h1", "conv_transpose"),
        ("g_h2", "conv_transpose"),
        ("g_bn2", "norm"),
        ("g_h3", "convolution"),
        ("g_h10", "conv"),
    ]
    assert parts[5].tensors["weight"].shape == (7, 3, 5, 5)
    np.testing.assert_array_equal(parts[1].tensors["weight"], found["generator/g_h1/w"].transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(parts[0].tensors["weight"], found["generator/g_h0_lin/Matrix"].T)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    prefix = write(tmp_path / "a", arrays(**{"conv/kernel": (3, 3, 1, 2), "conv/u": (1, 2)}))
    (note,) = tf_checkpoint.load(prefix).notes
    assert "conv/u" in note


def test_the_newest_of_each_name(tmp_path: Path) -> None:
    for number, name in enumerate(["ckpt-9", "ckpt-10", "ckpt-11", "disc-3"]):
        write(tmp_path / name, arrays(**{"fc/kernel": (2 + number, 3)}))
    assert [network.parts[0].tensors["weight"].shape[1] for network in tf_checkpoint.load(tmp_path).networks] == [4, 5]
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/home/me/ckpt-9"\n')
    assert [network.parts[0].tensors["weight"].shape[1] for network in tf_checkpoint.load(tmp_path).networks] == [2, 5]


@pytest.mark.parametrize(("dtype", "number"), [("<f8", 2), ("<f2", 19), ("<f4", 1)])
def test_other_precisions(dtype: str, number: int, tmp_path: Path) -> None:
    values = np.arange(6, dtype=dtype).reshape(2, 3)
    (tmp_path / "a.data-00000-of-00001").write_bytes(values.tobytes())
    (tmp_path / "a.index").write_bytes(table({b"": field(1, 1), b"fc/kernel": entry(values, 0, dtype=number)}))
    weight = tf_checkpoint.load(tmp_path / "a").networks[0].parts[0].tensors["weight"]
    torch.testing.assert_close(weight, torch.arange(6, dtype=torch.float32).reshape(2, 3).T)


def test_bfloat16(tmp_path: Path) -> None:
    values = torch.tensor([[1.0, -2.5, 0.375]], dtype=torch.bfloat16)
    (tmp_path / "a.data-00000-of-00001").write_bytes(values.view(torch.int16).numpy().tobytes())
    entries = {b"": field(1, 1), b"fc/kernel": entry(values.view(torch.int16).numpy(), 0, dtype=14)}
    (tmp_path / "a.index").write_bytes(table(entries))
    weight = tf_checkpoint.load(tmp_path / "a").networks[0].parts[0].tensors["weight"]
    torch.testing.assert_close(weight, values.float().T)
