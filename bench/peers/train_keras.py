#!/usr/bin/env python3
"""Times training steps of the Keras tutorials' ResNet-18 in `fit`, on the CPU: float32, SGD 0.01, one line of JSON for each setting.

The images are a NumPy array in memory, given to `fit` as the tutorials do; a step is the time from one batch's end to the next.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

SETTINGS = {"fit": "auto", "fit-xla": True}  # -> jit_compile


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", default="28x28x1", metavar="HxWxC")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=20, help="timed steps (default 20)")
    parser.add_argument("--warmup", type=int, default=3, help="steps before them (default 3)")
    parser.add_argument("--settings", default="fit", help=f"comma-separated, of {', '.join(SETTINGS)} (default: fit)")
    options = parser.parse_args()
    options.input = [int(part) for part in options.input.split("x")]
    options.settings = options.settings.split(",")
    for setting in options.settings:
        if setting not in SETTINGS:
            parser.error(f"--settings: unknown '{setting}'; known: {', '.join(SETTINGS)}")
    return options


def measure(options, setting):
    """The seconds of each timed step."""
    import keras
    import numpy as np
    import nets_keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())

    random = np.random.default_rng(0)
    count = (options.warmup + options.steps) * options.batch
    images = random.integers(0, 256, (count, *options.input)).astype("float32")
    labels = random.integers(0, options.classes, count)
    model = nets_keras.resnet18(*options.input, options.classes)
    model.compile(
        optimizer=keras.optimizers.SGD(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=SETTINGS[setting],
    )
    clock = Clock()
    model.fit(images, labels, batch_size=options.batch, verbose=0, callbacks=[clock])
    return [end - start for start, end in zip(clock.ends[options.warmup - 1 :], clock.ends[options.warmup :])]


def main():
    options = arguments()
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    for setting in options.settings:
        seconds = measure(options, setting)
        median = statistics.median(seconds)
        result = {
            "peer": "keras",
            "version": f"{keras.__version__}, TensorFlow {tf.__version__}",
            "setting": setting,
            "model": "keras-tutorial-18",
            "input": "x".join(map(str, options.input)),
            "batch": options.batch,
            "threads": options.threads,
            "steps": options.steps,
            "images_per_second": options.batch / median,
            "step_seconds": median,
            "fastest_step_seconds": min(seconds),
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
