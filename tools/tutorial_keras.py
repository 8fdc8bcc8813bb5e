#!/usr/bin/env python3
"""The tutorial's run in Keras, seed after seed: what `shortcut train mnist --recipe keras-tutorial --seed N` is held against.

28x28 pixels 0..255 as they are, SGD(0.01), batch 128, 3 epochs, the last fifth of the training images for validation. One JSON
object a line.

The order of the images is drawn here, anew for each epoch. `fit` would do so by itself, but with keras.utils.set_random_seed it repeats
one order in every epoch (the random numbers of TensorFlow's data sets begin again with each iterator), and to see the same batches
again halves the training loss of the third epoch.
"""

import argparse
import json

import keras
import numpy

import nets_keras
from mnist_images import read


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    images, labels = read("train")
    images = images[..., None]
    test_images, test_labels = read("t10k")
    kept = len(images) * 4 // 5
    for seed in options.seeds:
        keras.utils.set_random_seed(seed)
        random = numpy.random.default_rng(seed)
        model = nets_keras.resnet18(28, 28, 1)
        model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = {}
        for _ in range(options.epochs):
            order = random.permutation(kept)
            fit = model.fit(
                images[order], labels[order], 128, validation_data=(images[kept:], labels[kept:]), shuffle=False, verbose=0
            )
            for name, values in fit.history.items():
                history.setdefault(name, []).extend(values)
        loss, accuracy = model.evaluate(test_images[..., None], test_labels, 128, verbose=0)
        result = {"seed": seed, "test_accuracy": accuracy, "test_loss": loss, **history}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
