#!/usr/bin/env python3
"""Whole models from `shortcut convert` in Keras, and back: prints how far the outputs are apart, exits 1 if too far.

usage: check_keras_models.py [NET...]      (default: one of each kind; names of presets)

For each net, trained for two steps on random images so that all its numbers differ: convert -> .keras and .h5 -> keras.saving.load_model:
class probabilities against Shortcut's (largest difference), and Keras' totals of parameters. Then Keras saves both again, and `convert`
reads them, and what it wrote itself: the weights must be the same to the bit.
"""

import json
import pathlib
import sys
import tempfile

import keras
import numpy as np

from shortcut_library import Library, Optimizer, shortcut, softmax

NETS = """resnet18 resnet50 resnext50_32x4d wide_resnet50_2 resnet50c resnet50d resnet26t seresnet18 seresnet50t seresnext50_32x4d
    keras-tutorial-18 keras-tutorial-50 keras-resnet50 keras-resnet101 keras-resnet50v2 keras-resnet152v2 resnet18-a plain18 cifar20
    preact-cifar20 plain-cifar20 cifar110"""
BOUND = 1e-5  # of probabilities


def make(net, folder):
    side = 33 if "cifar" in net else 97  # odd maps, where paddings differ
    random = np.random.default_rng(3)
    images = random.uniform(-1, 1, (4, side, side, 3)).astype("float32")
    library, first, trained = Library(), folder / "first.safetensors", folder / "trained.safetensors"
    library.create(net, first, side, side, 3, 7, 5)
    library.train(first, [(images, random.integers(0, 7, 4)) for _ in range(2)], Optimizer(0.01), trained)
    return trained, images


def parameters(path):
    return json.loads(shortcut("summary", path, "--json"))["parameters"]


def weights_hash(path):
    return shortcut("hash", path).split()[0]


def check(net, folder):
    trained, images = make(net, folder)
    expected, hash = softmax(Library().scores(trained, images)), weights_hash(trained)
    worst, same, counts = 0.0, True, True
    for end in (".keras", ".h5"):
        ours, again, back = folder / ("ours" + end), folder / ("again" + end), folder / "back.safetensors"
        shortcut("convert", trained, ours)
        same &= weights_hash(ours) == hash
        model = keras.saving.load_model(ours)
        worst = max(worst, float(np.abs(model(images, training=False).numpy() - expected).max()))
        counts &= model.count_params() == parameters(trained)
        model.save(again)
        shortcut("convert", again, back, "--model", net, "--input", f"{images.shape[1]}x{images.shape[2]}x3", "--classes", 7)
        same &= weights_hash(back) == hash
    good = worst <= BOUND and same and counts
    words = f"weights {'equal' if same else 'NOT EQUAL'}, totals {'equal' if counts else 'NOT EQUAL'}"
    print(f"{net}: probabilities {worst:.2e} apart; {words}", flush=True)
    return good


def main():
    results = []
    for net in sys.argv[1:] or NETS.split():
        with tempfile.TemporaryDirectory() as folder:
            results.append(check(net, pathlib.Path(folder)))
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
