"""Checkpoints of other frameworks: Keras, TensorFlow, Theano, Torch7, Chainer, PyTorch weights in HDF5."""

from __future__ import annotations

from ganlab import CheckpointFormat, hookimpl

from . import hdf5_state, keras_files, tf_checkpoint


@hookimpl
def register_checkpoint_formats() -> list[CheckpointFormat]:
    """One of each; a reader imports its library only when it reads."""
    return [
        CheckpointFormat("keras", "Keras's .h5 or .keras", keras_files.recognises, keras_files.load),
        CheckpointFormat("tensorflow", "TensorFlow's .index and .data", tf_checkpoint.recognises, tf_checkpoint.load),
        CheckpointFormat("torch-hdf5", "a PyTorch state as HDF5", hdf5_state.recognises, hdf5_state.load),
    ]
