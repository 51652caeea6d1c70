"""Checkpoints of other frameworks: Keras, TensorFlow, Theano, Torch7, Chainer, PyTorch weights in HDF5."""

from __future__ import annotations

from ganlab import CheckpointFormat, hookimpl

from . import chainer_links, hdf5_state, keras_files, tf_checkpoint, theano_dcgan, torch7


@hookimpl
def register_checkpoint_formats() -> list[CheckpointFormat]:
    """One of each; a reader imports its library only when it reads."""
    return [
        CheckpointFormat("theano", "the DCGAN authors' *gen_params.jl", theano_dcgan.recognises, theano_dcgan.load),
        CheckpointFormat("torch7", "a .t7 file of torch.save", torch7.recognises, torch7.load),
        CheckpointFormat("chainer", "save_npz's .npz or save_hdf5's .h5", chainer_links.recognises, chainer_links.load),
        CheckpointFormat("keras", "Keras's .h5 or .keras", keras_files.recognises, keras_files.load),
        CheckpointFormat("tensorflow", "TensorFlow's .index and .data", tf_checkpoint.recognises, tf_checkpoint.load),
        CheckpointFormat("torch-hdf5", "a PyTorch state as HDF5", hdf5_state.recognises, hdf5_state.load),
    ]
