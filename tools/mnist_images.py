"""MNIST as NumPy arrays, from the files in data/mnist."""

import gzip
import pathlib

import numpy as np

MNIST = pathlib.Path(__file__).resolve().parent.parent / "data" / "mnist"


def read(part):
    """part: "train" or "t10k". Images (count, 28, 28), float32, 0..255; labels (count), int32."""
    with gzip.open(MNIST / f"{part}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28).astype("float32")
    with gzip.open(MNIST / f"{part}-labels-idx1-ubyte.gz") as file:
        return images, np.frombuffer(file.read(), np.uint8, offset=8).astype("int32")
