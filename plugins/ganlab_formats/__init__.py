"""Checkpoints of other frameworks: Keras, TensorFlow, Theano, Torch7, Chainer, PyTorch weights in HDF5."""

from __future__ import annotations

from ganlab import CheckpointFormat, hookimpl

from . import chainer_links, hdf5_state, keras_files, tf_checkpoint, theano_dcgan, torch7

READERS = (
    ("keras", "Keras's .h5 or .keras", keras_files),
    ("tensorflow", "TensorFlow's .index and .data", tf_checkpoint),
    ("torch-hdf5", "a PyTorch state as HDF5", hdf5_state),
    ("theano", "the DCGAN authors' *gen_params.jl", theano_dcgan),
    ("torch7", "a .t7 file of torch.save", torch7),
    ("chainer", "save_npz's .npz or save_hdf5's .h5", chainer_links),
)


@hookimpl
def register_checkpoint_formats() -> list[CheckpointFormat]:
    """One of each; a reader imports its library only when it reads."""
    return [
        CheckpointFormat(name, summary, reader.recognises, reader.load, reader.rewrite)
        for name, summary, reader in READERS
    ]
