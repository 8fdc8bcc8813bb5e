#!/usr/bin/env python3
"""Weights both ways between Keras and `shortcut convert`: prints how far the outputs are apart, exits 1 if too far.

usage: check_keras_weights.py [NET...]      (default: all of NETS)

For each net with its own random weights and BatchNorm statistics of three batches: Keras' file (.weights.h5, .keras, .h5) -> convert ->
scores against Keras (relative L2); then convert -> .weights.h5 -> load_weights into a new Keras model: the outputs must be equal. The last
is not for the Functional form of the tutorial's nets: `convert` writes what the tutorial's classes load.
"""

import pathlib
import sys
import tempfile

import keras
import numpy as np

import nets_keras
import tutorial_subclassed
from shortcut_library import Library, shortcut

BOUND = 1e-5


def subclassed(blocks, residual):
    def make(side):
        net = tutorial_subclassed.ResNet(blocks, residual, activation=None)
        net(np.zeros((1, side, side, 1), "float32"))
        return net

    return make


def functional(function):
    """The last layer gives scores, as Shortcut's."""

    def make(side):
        net = function(side, side, 1)
        net.layers[-1].activation = keras.activations.linear
        return keras.Model(net.inputs, net.layers[-1](net.layers[-2].output))

    return make


def application(name):
    return lambda side: getattr(keras.applications, name)(
        weights=None, input_shape=(side, side, 3), classifier_activation=None
    )


# preset, how to make the net, side of the images, the files that Keras writes
ALL = (".weights.h5", ".keras", ".h5")
NETS = {
    "tutorial-18": ("keras-tutorial-18", subclassed((2, 2, 2, 2), tutorial_subclassed.Residual), 28, ALL[:1]),
    "tutorial-50": ("keras-tutorial-50", subclassed((3, 4, 6, 3), tutorial_subclassed.Bottleneck), 224, ALL[:1]),
    "tutorial-18-functional": ("keras-tutorial-18", functional(nets_keras.resnet18), 224, ALL),
    "tutorial-50-functional": ("keras-tutorial-50", functional(nets_keras.resnet50), 28, ALL),
    "ResNet50": ("keras-resnet50", application("ResNet50"), 224, ALL),
    "ResNet101": ("keras-resnet101", application("ResNet101"), 224, ALL[:1]),
    "ResNet152": ("keras-resnet152", application("ResNet152"), 224, ALL[:1]),
    "ResNet50V2": ("keras-resnet50v2", application("ResNet50V2"), 224, ALL),
    "ResNet101V2": ("keras-resnet101v2", application("ResNet101V2"), 224, ALL[:1]),
    "ResNet152V2": ("keras-resnet152v2", application("ResNet152V2"), 224, ALL[:1]),
}


def settle(net, images):
    """Biases and BatchNorm's scales become random, its statistics those of the images."""
    random = np.random.default_rng(1)
    for layer in net._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
            layer.gamma.assign(random.uniform(0.5, 1.0, layer.gamma.shape))
        for variable in layer.trainable_variables:
            if variable.name in ("bias", "beta"):
                variable.assign(random.uniform(-0.1, 0.1, variable.shape))
    for _ in range(3):
        net(images, training=True)


def save(net, path):
    if str(path).endswith(".weights.h5"):
        net.save_weights(path)
    else:
        net.save(path)


def apart(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def load_back(make, side, ours, folder, images):
    """The outputs of a new Keras model after the way back."""
    shortcut("convert", ours, folder / "back.weights.h5")
    again = make(side)
    again.load_weights(folder / "back.weights.h5")
    return again(images, training=False).numpy()


def check(name, folder):
    preset, make, side, files = NETS[name]
    keras.utils.set_random_seed(1)
    net = make(side)
    channels = 3 if name.startswith("ResNet") else 1
    images = np.random.default_rng(2).uniform(-1, 1, (4, side, side, channels)).astype("float32")
    settle(net, images)
    expected = net(images[:2], training=False).numpy()
    worst = 0.0
    ours = folder / "ours.safetensors"
    for end in files:
        source = folder / ("theirs" + end)
        save(net, source)
        shortcut("convert", source, ours, "--model", preset, "--input", f"{side}x{side}x{channels}")
        for convolution in (0, 1):  # Winograd where it pays, direct everywhere
            worst = max(worst, apart(Library().scores(ours, images[:2], convolution), expected))
    words, equal = "", True
    if not name.endswith("functional"):
        back = load_back(make, side, ours, folder, images[:2])
        equal = np.array_equal(back, expected)
        words = f"; back in Keras: {'equal' if equal else 'NOT EQUAL, %.1e' % apart(back, expected)}"
    print(f"{name} from {', '.join(files)}: scores {worst:.2e} apart (relative L2){words}", flush=True)
    return worst <= BOUND and equal


def main():
    results = []
    for name in sys.argv[1:] or NETS:
        with tempfile.TemporaryDirectory() as folder:
            results.append(check(name, pathlib.Path(folder)))
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
