"""Recordings: files of named tensors (.safetensors) that the C tests read, and the numbers both sides make by a formula.

Tensors are stored as the engine holds them: images (mb, height, width, channels), kernels (kh, kw, ic, oc), dense (in, out).
"""

import json
import pathlib
import struct

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "tests" / "recorded"
DTYPES = {np.dtype("<f4"): "F32", np.dtype("<f8"): "F64", np.dtype("<i8"): "I64"}


class Recording:
    """tensors by name, in the order they were added; save() writes the file."""

    def __init__(self, **metadata):
        self.metadata = {key: str(value) for key, value in metadata.items()}
        self.tensors = {}

    def add(self, name, values, dtype="<f4"):
        assert name not in self.tensors, name
        self.tensors[name] = np.ascontiguousarray(np.asarray(values), dtype=dtype)

    def add_all(self, prefix, **tensors):
        for name, values in tensors.items():
            self.add(f"{prefix}/{name}", values)

    def save(self, name):
        """8 bytes: length of the header, little-endian; the header in JSON, padded with spaces to 8 bytes; the tensors."""
        header, offset = {"__metadata__": self.metadata}, 0
        for key, tensor in self.tensors.items():
            end = offset + tensor.nbytes
            header[key] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
            offset = end
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / name
        path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t.tobytes() for t in self.tensors.values()))
        print(f"{path.relative_to(FOLDER.parents[1])}: {len(self.tensors)} tensors, {path.stat().st_size} bytes")


def mix(x):
    """The finaliser of MurmurHash3 (32 bits), on arrays of uint32."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x85EBCA6B)
    x = x ^ (x >> np.uint32(13))
    x = x * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def words(name, count):
    """`count` 32-bit words: word i is mix(key + i * 0x9e3779b9), key the FNV-1a hash of the name (all modulo 2^32)."""
    key = 0x811C9DC5
    for byte in name.encode():
        key = (key ^ byte) * 0x01000193 % 2**32
    index = np.arange(count, dtype=np.uint32)
    return mix(np.uint32(key) + index * np.uint32(0x9E3779B9))


def formula(name, shape, half_width, offset=0.0):
    """float32 numbers in [offset - half_width, offset + half_width): exact integers, one multiply, one addition, so that C
    computes the same bits: offset + (float)(word >> 8, minus 2^23) * (float)(half_width / 2^23)."""
    integers = (words(name, int(np.prod(shape))) >> np.uint32(8)).astype(np.int64) - 2**23
    values = integers.astype(np.float32) * np.float32(half_width / 2**23) + np.float32(offset)
    return values.reshape(shape)


def net_parameter(name, shape):
    """The initial value of a net's parameter, by the end of its name and its shape in the engine's order.

    Kernels have the variance 2 / fan_in (U(-a, a) with a = sqrt(6 / fan_in)), so that signals keep their size from layer to
    layer. A small scale at the end of each residual branch keeps the net well-conditioned: with 1 there, BatchNorm over 4
    values (the last stage has 1x1 maps) amplifies float32 rounding so much that two runs of one framework part after 3 steps.
    """
    if name.endswith("running_mean"):
        return np.zeros(shape, np.float32)
    if name.endswith("running_var"):
        return np.ones(shape, np.float32)
    if len(shape) > 1:
        return formula(name, shape, np.sqrt(6.0 / np.prod(shape[:-1])))
    if name.endswith(".bn2.weight"):  # the last BatchNorm of a block
        return formula(name, shape, 0.0625, 0.25)
    if name.endswith(".weight"):  # every other BatchNorm's scale
        return formula(name, shape, 0.25, 1.0)
    return formula(name, shape, 0.125)  # biases and BatchNorm shift


def net_labels(step, batch, classes):
    return (words(f"labels.{step}", batch) % np.uint32(classes)).astype(np.int64)


SAMPLES = 16  # of each parameter's change


def add_changes(recording, before, after):
    """For each parameter, of its change (after - before, in float64): its sum, its L2 norm, and SAMPLES elements of it, at
    words("samples." + name) % count. `before` and `after`: name -> float array in the engine's order."""
    names = sorted(before)
    sums, norms, samples = [], [], []
    for name in names:
        change = after[name].astype(np.float64).ravel() - before[name].astype(np.float64).ravel()
        sums.append(change.sum())
        norms.append(np.sqrt((change**2).sum()))
        samples.append(change[words("samples." + name, SAMPLES) % np.uint32(change.size)])
    recording.metadata["parameters"] = " ".join(names)
    recording.add("change/sum", sums, "<f8")
    recording.add("change/norm", norms, "<f8")
    recording.add("change/samples", samples, "<f8")
