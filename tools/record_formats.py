#!/usr/bin/env python3
"""Small weights files as PyTorch and NumPy write them, into tests/recorded/formats: what tests/io/test_arrays.c reads."""

import collections
import pathlib
import zipfile

import numpy as np
import torch

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
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
