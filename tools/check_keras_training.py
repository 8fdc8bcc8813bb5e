#!/usr/bin/env python3
"""Trains the tutorials' nets in Keras and in Shortcut, from Keras' first weights, on the same batches, and says how far they part.

A rectifier that gets a number next to 0 may pass it in one program and not in the other, and every later step makes more of it. So
Keras trains in float64 too, and both programs are held against that: Shortcut must not be the farther one.

For each case: the largest difference of class probabilities with the first weights; then, against Keras in float64, the largest
relative difference of the losses and, after the last step, the relative L2 distance of all weights and running statistics.
"""

import argparse
import csv
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

from shortcut_library import ROOT, Library, softmax
from mnist_images import read

# preset, side of the images, batch
CASES = {
    "18 at 28x28": ("keras-tutorial-18", 28, 128),
    "18 at 99x99": ("keras-tutorial-18", 99, 32),
    "18 at 224x224": ("keras-tutorial-18", 224, 8),
    "50 at 28x28": ("keras-tutorial-50", 28, 64),
}


def images_of(side, count):
    """MNIST's first images, enlarged to the next multiple of 28, or cut to it, around their middle."""
    images, labels = read("train")
    images, labels = images[:count], labels[:count]
    if side == 28:
        return images, labels
    factor = -(-side // 28)
    large = images.repeat(factor, 1).repeat(factor, 2)
    first = (28 * factor - side) // 2
    return large[:, first : first + side, first : first + side], labels


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    pathlib.Path(path).write_bytes(header + array.astype("uint8").tobytes())


def in_file_order(name, value):
    """Keras' axes (kh, kw, in, out), (in, out) -> the file's."""
    return np.ascontiguousarray(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T)


def keras_part(options):
    """In a process of its own, as the type of all numbers is chosen once: first weights, probabilities, losses, last weights."""
    import keras
    import nets_keras
    from safetensors.numpy import load_file, save_file

    keras.config.set_floatx(options.keras)
    keras.config.set_dtype_policy(options.keras)
    preset, side, batch = CASES[options.case]
    images, labels = images_of(side, options.steps * batch)
    keras.utils.set_random_seed(options.seed)
    model = (nets_keras.resnet18 if preset.endswith("18") else nets_keras.resnet50)(side, side, 1)
    variables = nets_keras.parameters(model)
    folder = pathlib.Path(options.folder)
    first = folder / "first.safetensors"
    if options.keras == "float32":
        save_file({name: in_file_order(name, v.numpy()) for name, v in variables.items()}, first)
    for name, value in load_file(first).items():
        variables[name].assign(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T)
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    images = images[..., None].astype(options.keras)
    probabilities = model(images[:batch], training=False).numpy()
    losses = []
    for step in range(options.steps):
        part = slice(step * batch, (step + 1) * batch)
        losses.append(float(model.train_on_batch(images[part], labels[part])))
    np.savez(
        folder / f"{options.keras}.npz",
        probabilities=probabilities,
        losses=losses,
        **{"last/" + name: in_file_order(name, v.numpy()) for name, v in variables.items()},
    )


def shortcut_part(options, folder, convolution):
    from safetensors.numpy import load_file

    preset, side, batch = CASES[options.case]
    run = folder / convolution
    command = [options.shortcut, "train", folder / "data", "--recipe", "keras-tutorial", "--model", preset, "--weights", folder / "first.safetensors"]
    command += ["--validation-split", "0", "--no-shuffle", "--batch", str(batch), "--steps", str(options.steps), "--convolution", convolution]
    subprocess.run([*command, "--out", run, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    with open(run / "steps.csv") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    described = folder / "described.safetensors"
    inputs = ["--model", preset, "--input", f"{side}x{side}x1"]
    subprocess.run([options.shortcut, "convert", folder / "first.safetensors", described, *inputs], check=True, stdout=subprocess.DEVNULL)
    scores = Library().scores(described, images_of(side, batch)[0][..., None], {"auto": 0, "direct": 1}[convolution])
    return softmax(scores), losses, load_file(run / "weights.safetensors")


def distance(weights, exact):
    """Relative L2 over all tensors that a training moves on purpose: the bias before a BatchNorm has a gradient of 0 but for rounding."""
    moved = [name for name in exact if not (name.endswith(".bias") and "conv" in name)]
    difference = sum(((weights[name].astype("float64") - exact[name]) ** 2).sum() for name in moved)
    return (difference / sum((exact[name] ** 2).sum() for name in moved)) ** 0.5


def check(options):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        preset, side, batch = CASES[options.case]
        images, labels = images_of(side, options.steps * batch)
        (folder / "data").mkdir()
        write_idx(folder / "data/train-images-idx3-ubyte", images)
        write_idx(folder / "data/train-labels-idx1-ubyte", labels)
        for kind in ("float32", "float64"):
            own = [sys.executable, __file__, "--keras", kind, "--case", options.case, "--folder", name]
            subprocess.run([*own, "--steps", str(options.steps), "--seed", str(options.seed)], check=True, stderr=subprocess.DEVNULL)
        exact, single = np.load(folder / "float64.npz"), np.load(folder / "float32.npz")
        last = {key[5:]: exact[key] for key in exact.files if key.startswith("last/")}
        rows = {"Keras, float32": (single["probabilities"], single["losses"], {key: single["last/" + key] for key in last})}
        for convolution in ("direct", "auto"):
            rows[f"Shortcut, {convolution}"] = shortcut_part(options, folder, convolution)
        for who, (probabilities, losses, weights) in rows.items():
            apart = np.abs(np.array(losses) / exact["losses"] - 1)
            result = {
                "case": options.case,
                "who": who,
                "probabilities": float(np.abs(probabilities - exact["probabilities"]).max()),
                "first_loss": float(apart[0]),
                "losses": float(apart.max()),
                "weights": float(distance(weights, last)),
            }
            print(json.dumps(result), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, help="one of them (default: all)")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shortcut", default=str(ROOT / "build/release/shortcut"), metavar="PROGRAM")
    parser.add_argument("--keras", choices=("float32", "float64"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.keras:
        keras_part(options)
        return
    for options.case in [options.case] if options.case else CASES:
        check(options)


if __name__ == "__main__":
    main()
