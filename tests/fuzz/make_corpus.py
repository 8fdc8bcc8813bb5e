#!/usr/bin/env python3
"""The good inputs in tests/fuzz/corpus, for the readers that have no recorded file: needs NumPy and h5py.

Files of HDF5's newest form ("newest", "keras3.h5") hold the time at which they were made, and so differ each time. Inputs that a
fuzzer found are not made here: they are files with names that say what they show."""

import gzip
import io
import json
import pathlib
import struct
import zipfile
import zlib

import h5py
import numpy as np

TESTS = pathlib.Path(__file__).resolve().parents[1]
CORPUS = TESTS / "fuzz" / "corpus"
FORMATS = TESTS / "recorded" / "formats"
NET = {"name": "small", "block": "basic", "blocks": [1, 1], "widths": [2, 4], "stem_kernel": 3, "stem_channels": 2, "stem_pool": False}
INPUT = {"input": [4, 4, 1], "classes": 2}
DESCRIPTION = {"model": NET, **INPUT, "preprocess": {"resize": False, "mean": [0.5], "deviation": [0.25]}, "class_names": ["a", "b"]}


def write(reader, name, content):
    folder = CORPUS / reader
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def safetensors(tensors, metadata):
    """tensors: name -> (dtype, shape, bytes)."""
    header, buffer = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(buffer), len(buffer) + len(content)]}
        buffer += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + buffer


def hdf5(fill, **options):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def keras3(file):
    for name, shapes in {"conv2d": [(1, 1, 1, 2), (2,)], "batch_normalization": [(2,)] * 4}.items():
        group = file.create_group(f"layers/{name}/vars")
        for i, shape in enumerate(shapes):
            group.create_dataset(str(i), data=np.arange(np.prod(shape), dtype="<f4").reshape(shape))
    file.create_group("optimizer/vars").create_dataset("0", data=np.int64(7))


def keras2(file):
    file.attrs["backend"] = "tensorflow"
    file.create_dataset("model_weights/conv2d/conv2d/kernel:0", data=np.zeros((1, 1, 1, 2), "<f4"))
    file.create_dataset("shortcut.model", data=np.frombuffer(b"{}", np.uint8))


def chunked(file):
    file.create_dataset("layers/dense/vars/0", data=np.zeros((4, 4), "<f4"), chunks=(2, 2), compression="gzip")


def linked(file):
    file["data"] = np.zeros(3, "<f4")
    file["layers"] = h5py.ExternalLink("other.h5", "/data")


def pickle_of(path):
    with zipfile.ZipFile(path) as archive:
        return next(archive.read(name) for name in archive.namelist() if name.endswith("/data.pkl"))


def deflated(path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in archive.namelist():
            copy.writestr(zipfile.ZipInfo(name), archive.read(name), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def png(width, height, depth, color, rows):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def small_net():
    """The parameters of NET for INPUT, as PyTorch would name and shape them."""
    shapes = {"conv1.weight": (2, 1, 3, 3), "fc.weight": (2, 4), "fc.bias": (2,)}
    norms = {"bn1": 2}
    for layer, inside, outside in (("layer1.0", 2, 2), ("layer2.0", 2, 4)):
        shapes |= {f"{layer}.conv1.weight": (outside, inside, 3, 3), f"{layer}.conv2.weight": (outside, outside, 3, 3)}
        norms |= {f"{layer}.bn1": outside, f"{layer}.bn2": outside}
    shapes["layer2.0.downsample.0.weight"] = (4, 2, 1, 1)
    norms["layer2.0.downsample.1"] = 4
    for name, channels in norms.items():
        shapes |= {f"{name}.{suffix}": (channels,) for suffix in ("weight", "bias", "running_mean", "running_var")}
    return shapes


def main():
    f4 = lambda *shape: ("F32", list(shape), np.arange(np.prod(shape), dtype="<f4").tobytes())
    plain = safetensors({"a": f4(2, 2), "b": ("I64", [], bytes(8)), "none": ("U8", [0], b"")}, {"format": "pt"})
    write("safetensors", "plain", plain)
    write("arrays", "plain.safetensors", plain)
    write("model", "no_tensors.safetensors", safetensors({}, {"shortcut.model": json.dumps(DESCRIPTION)}))
    whole = {name: f4(*shape) for name, shape in small_net().items()}
    write("model", "whole.safetensors", safetensors(whole, {"shortcut.model": json.dumps(DESCRIPTION)}))
    write("model", "no_description.safetensors", plain)
    # A checkpoint of the net in fuzz_checkpoint.c; its checksums are put right there.
    numbers = {"step": "8", "epochs": "1", "epoch_step": "2", "epoch_images": "8", "epoch_correct": "3", "skipped": "0"}
    state = {"checkpoint": "1", "config": "h", "epoch_loss": "0x1p-1", "epoch_seconds": "0x1p+1", "rate_factor": "0x1p+0", **numbers}
    tensors = {"a": f4(8), "b": f4(8), "c": f4(4), "training.velocity.a": f4(8), "training.velocity.b": f4(8)}
    tensors["training.checksums"] = ("U64", [7], bytes(56))
    write("checkpoint", "step_8", safetensors(tensors, {f"shortcut.{key}": value for key, value in state.items()}))

    for name in ("net.pth", "shared.pth"):
        write("torch", name, (FORMATS / name).read_bytes())
    for name in ("net", "shared", "module", "checkpoint"):
        write("pickle", f"{name}.pkl", pickle_of(FORMATS / f"{name}.pth"))
    write("torch", "deflated.pth", deflated(FORMATS / "net.pth"))
    write("torch", "deflated_shared.pth", deflated(FORMATS / "shared.pth"))
    write("arrays", "shared.pth", (FORMATS / "shared.pth").read_bytes())
    write("arrays", "legacy.pth", (FORMATS / "legacy.pth").read_bytes())
    for name in ("net.npz", "deflated.npz", "zip64.npz"):
        write("npz", name, (FORMATS / name).read_bytes())
    for name in ("deflated.npz", "zip64.npz"):
        write("zip", name, (FORMATS / name).read_bytes())
    write("arrays", "fortran.npz", (FORMATS / "fortran.npz").read_bytes())
    for name, array in {"matrix": np.zeros((2, 3), "<f4"), "scalar": np.int64(3), "turned": np.zeros((2, 3), "<f4", order="F")}.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        write("npy", name, buffer.getvalue())

    for name, content in {"keras3": hdf5(keras3), "keras2": hdf5(keras2), "newest": hdf5(keras3, libver="latest"),
                          "chunked": hdf5(chunked), "linked": hdf5(linked)}.items():
        write("hdf5", name, content)
    write("keras", "keras3", hdf5(keras3))
    write("keras", "newest", hdf5(keras3, libver="latest"))
    write("arrays", "keras3.h5", hdf5(keras3, libver="latest"))

    images, labels = struct.pack(">IIII", 0x803, 2, 2, 3) + bytes(12), struct.pack(">II", 0x801, 2) + bytes([1, 9])
    write("idx", "images", images)
    write("idx", "labels", labels)
    write("idx", "images.gz", gzip.compress(images, mtime=0))
    write("png", "grey", png(2, 2, 8, 0, bytes(6)))
    write("png", "colour", png(2, 1, 8, 2, bytes(7)))
    write("png", "bits_with_alpha", png(3, 1, 16, 6, bytes(25)))
    write("cifar10", "one_image", b"\n".join(b"c%d" % i for i in range(10)) + bytes(1 + 3073))
    write("cifar10", "label_10", b"\n".join(b"c%d" % i for i in range(10)) + b"\0\x0a" + bytes(3072))

    write("json", "values", '{"a": [1, -2.5e3, true, false, null], "b": "\\u00e4\\n", "c": {}}')
    write("json", "twice", '{"a": 1, "a": 2}')
    write("net", "small", json.dumps(NET))
    write("net", "bottleneck", json.dumps({"block": "bottleneck", "blocks": [1], "widths": [8], "groups": 2, "group_width": 16,
                                           "squeeze": 4, "padding": "same", "epsilon": 0.001}))
    write("net", "preactivation", json.dumps({"preactivation": True, "blocks": [1, 1], "widths": [4, 8], "shortcut": "zeros",
                                              "stem_channels": 4, "stem_deep": [4, 4], "average_down": True}))
    write("description", "small", json.dumps(DESCRIPTION))
    write("description", "preset", json.dumps({"model": "cifar20", **INPUT}))

    digest = "0123456789abcdef" * 4
    rows = [{"epoch": i, "loss": 0.5, "accuracy": 0.5, "val_loss": 1, "val_accuracy": 0.25, "learning_rate": 0.1, "seconds": 2,
             "weights_sha256": digest} for i in (1, 2, 3)]
    write("history", "three_epochs", json.dumps(rows))
    write("receipt", "one_epoch", json.dumps({"initial_weights_sha256": digest, "epochs": rows[:1]}))
    training = {"epochs": 2, "batch": 4, "learning_rate": 0.1, "momentum": 0.9, "momentum_form": "torch", "nesterov": True,
                "weight_decay": 0, "weight_decay_form": "coupled", "decay_all": False, "schedule": "step", "warmup_epochs": 0,
                "step_epochs": 1, "step_factor": 0.5, "final_learning_rate": 0, "validation_split": 0.25, "split": "last",
                "shuffle": True, "seed": "5", "convolution": "auto", "on_non_finite": "stop", "non_finite_limit": 3}
    config = {"model": {"model": "cifar20", **INPUT}, "data": {"name": "mnist", "images": 64}, "training": training}
    write("run_config", "good", json.dumps(config))
    write("steps", "three_steps", "step,epoch,loss,accuracy,learning_rate,seconds\n1,1,2,0,0.1,0\n2,1,2,0,0.1,0\n3,1,2,0,0.1,0\n")
    write("order", "numbers", "0 1 2\n3 17\n")
    header = b"SCPREPAR" + struct.pack("<QQQQQ", 1, 1, 2, 16, 0x8355E3A6F61770DB)  # the last: XXH3-64 of the weights
    write("prepared_file", "whole", header + bytes(4048) + bytes(range(16)))
    write("prepared_file", "wrong_checksum", b"SCPREPAR" + struct.pack("<QQQQQ", 1, 1, 2, 16, 0) + bytes(4048 + 16))


if __name__ == "__main__":
    main()
