#!/usr/bin/env python3
"""Small weights files as PyTorch, NumPy and Keras write them, into tests/recorded/formats: what tests/io/test_arrays.c and test_keras.c
read."""

import collections
import pathlib
import zipfile

import keras
import numpy as np
import torch
from keras.src.applications import resnet

import tutorial_subclassed

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "tests" / "recorded" / "formats"


class Net(torch.nn.Module):
    """A convolution and a BatchNorm; parameter number i of a tensor is i / 8, so that the tests need no second file."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(2, 3, (2, 1), bias=False)
        self.bn1 = torch.nn.BatchNorm2d(3)
        with torch.no_grad():
            for tensor in self.state_dict().values():
                tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape) / 8)


def number(layers):
    """Number i of variable v is v + (i % 64) / 64, v being counted over the layers in Shortcut's order."""
    for count, variable in enumerate(v for layer in layers for v in layer.weights):
        size = int(np.prod(variable.shape))
        variable.assign((count + np.arange(size) % 64 / 64).astype("float32").reshape(variable.shape))


def record_tutorial():
    """The tutorial's classes, with two stages of one block."""
    net = tutorial_subclassed.ResNet((1, 1, 0, 0), classes=3, widths=(2, 3, 0, 0))
    net(np.zeros((1, 28, 28, 1), "float32"))
    layers = [net.conv, net.bn]
    for stage in (net.resnet_block1, net.resnet_block2):
        for block in stage.listLayers:
            layers += [block.conv1, block.bn1, block.conv2, block.bn2] + ([block.conv3] if block.conv3 else [])
    number([*layers, net.fc])
    net.save_weights(FOLDER / "tutorial.weights.h5")


def record_application():
    """The layers of keras.applications.ResNet50's first block."""
    net = resnet.ResNet(
        lambda x: resnet.stack_residual_blocks_v1(x, 2, 1, stride1=1, name="conv2"),
        preact=False,
        use_bias=True,
        weights=None,
        input_shape=(32, 32, 1),
        classes=3,
    )
    names = [f"conv2_block1_{i}_{kind}" for i in (1, 2, 3, 0) for kind in ("conv", "bn")]
    number([net.get_layer(name) for name in ("conv1_conv", "conv1_bn", *names, "predictions")])
    net.save(FOLDER / "application.h5")
    net.save(FOLDER / "application.keras")
    with zipfile.ZipFile(FOLDER / "application.keras") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(FOLDER / "application.keras", "w", zipfile.ZIP_DEFLATED) as archive:  # Keras stores; this is a tenth
        for name, content in entries.items():
            archive.writestr(name, content)


def main():
    FOLDER.mkdir(exist_ok=True)
    state = Net().state_dict()
    torch.save(state, FOLDER / "net.pth")
    parameters = collections.OrderedDict((name, torch.nn.Parameter(v, v.is_floating_point())) for name, v in state.items())
    torch.save({"epoch": 3, "arch": "net", "state_dict": parameters, "best": [0.5, None, True]}, FOLDER / "checkpoint.pth")
    whole = torch.arange(12, dtype=torch.float32) / 8
    torch.save({"first": whole[:4].reshape(2, 2), "last": whole[4:]}, FOLDER / "shared.pth")  # one storage
    torch.save({"turned": whole.reshape(3, 4).t()}, FOLDER / "strided.pth")
    torch.save(Net(), FOLDER / "module.pth")  # a pickled object: must be refused
    torch.save(state, FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    arrays = {name: value.numpy() for name, value in state.items()}
    np.savez(FOLDER / "net.npz", **arrays)
    np.savez_compressed(FOLDER / "deflated.npz", zeros=np.zeros((100, 300), "<f4"), **arrays)
    np.savez(FOLDER / "fortran.npz", turned=np.arange(12, dtype="<f4").reshape(3, 4).T)
    np.savez(FOLDER / "object.npz", things=np.array([{"a": 1}, None], dtype=object))
    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 1  # large numbers everywhere, as in archives of 4 GiB
    np.savez(FOLDER / "zip64.npz", **arrays)
    zipfile.ZIP64_LIMIT = limit
    record_tutorial()
    record_application()
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
