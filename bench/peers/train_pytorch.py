#!/usr/bin/env python3
"""Times training steps of ResNets in PyTorch on the CPU: float32, SGD with momentum 0.9, one line of JSON for each setting.

A step is what a training loop does: zero the gradients, forward, loss, backward, update, read the loss. The images are in
memory and have the layout that the setting wants; loading and converting them is not timed. Warm-up steps come first.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

SETTINGS = ("nchw", "channels_last", "nchw-compiled", "channels_last-compiled")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("resnet18", "resnet50"), default="resnet18")
    parser.add_argument("--input", default="28x28x1", metavar="HxWxC")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=20, help="timed steps (default 20)")
    parser.add_argument("--warmup", type=int, default=3, help="steps before them (default 3)")
    parser.add_argument(
        "--settings", default="nchw,channels_last", help=f"comma-separated, of {', '.join(SETTINGS)} (default: the first two)"
    )
    options = parser.parse_args()
    options.input = [int(part) for part in options.input.split("x")]
    options.settings = options.settings.split(",")
    for setting in options.settings:
        if setting not in SETTINGS:
            parser.error(f"--settings: unknown '{setting}'; known: {', '.join(SETTINGS)}")
    return options


def measure(options, setting):
    """The seconds of each timed step."""
    import torch
    import nets_pytorch

    height, width, channels = options.input
    layout = torch.channels_last if setting.startswith("channels_last") else torch.contiguous_format
    torch.manual_seed(0)
    model = nets_pytorch.resnet(options.model, channels, options.classes).train().to(memory_format=layout)
    # The fused update is the fastest of torch's forms on a CPU.
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
    criterion = torch.nn.CrossEntropyLoss()
    images = torch.randn(options.batch, channels, height, width).contiguous(memory_format=layout)
    labels = torch.randint(options.classes, (options.batch,))
    forward = torch.compile(model) if setting.endswith("compiled") else model

    seconds = []
    for _ in range(options.warmup + options.steps):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(forward(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    return seconds[options.warmup :]


def main():
    options = arguments()
    import torch

    torch.set_num_threads(options.threads)
    for setting in options.settings:
        seconds = measure(options, setting)
        median = statistics.median(seconds)
        result = {
            "peer": "pytorch",
            "version": torch.__version__,
            "setting": setting,
            "model": options.model,
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
