#!/usr/bin/env python3
"""Times inference of torchvision's ResNets on the CPU in other frameworks: float32, one line of JSON for each setting.

A run is one batch in, scores out; the images are in memory in the layout that the framework wants. With --prepare FOLDER the net is
written there in each framework's own format, and nothing is timed; with --start FOLDER the net is read from there and run once, which
is what a program does that is started for one prediction: time that process from outside.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

PEERS = ("openvino", "onnxruntime", "ncnn", "pytorch", "pytorch-compiled")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", default="openvino", help=f"comma-separated, of {', '.join(PEERS)} (default: openvino)")
    parser.add_argument("--model", choices=("resnet18", "resnet50"), default="resnet18")
    parser.add_argument("--input", default="224x224x3", metavar="HxWxC")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=50, help="timed runs (default 50)")
    parser.add_argument("--warmup", type=int, default=5, help="runs before them (default 5)")
    parser.add_argument("--folder", default="build/peers", help="where the nets are kept in the frameworks' formats (default build/peers)")
    parser.add_argument("--prepare", action="store_true", help="write them there, time nothing")
    parser.add_argument("--start", action="store_true", help="read them from there, run once, time nothing")
    options = parser.parse_args()
    options.input = [int(part) for part in options.input.split("x")]
    options.settings = options.settings.split(",")
    for setting in options.settings:
        if setting not in PEERS:
            parser.error(f"--settings: unknown '{setting}'; known: {', '.join(PEERS)}")
    return options


def net(options):
    """The net in PyTorch, and one batch of images (mb, channels, height, width)."""
    import nets_pytorch
    import torch

    height, width, channels = options.input
    torch.manual_seed(0)
    model = nets_pytorch.resnet(options.model, channels, options.classes).eval()
    return model, torch.randn(options.batch, channels, height, width)


def file_stem(options):
    folder = pathlib.Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{options.model}-{'x'.join(map(str, options.input))}-{options.batch}"


def write_onnx(options):
    import torch

    path = file_stem(options).with_suffix(".onnx")
    if not path.exists():
        model, images = net(options)
        torch.onnx.export(model, (images,), str(path), dynamo=False)
    return str(path)


def write_openvino(options):
    import openvino

    path = file_stem(options).with_suffix(".xml")
    if not path.exists():
        openvino.save_model(openvino.convert_model(write_onnx(options)), path, compress_to_fp16=False)
    return str(path)


def write_ncnn(options):
    """pnnx writes many files beside each other, of one image."""
    import pnnx

    folder = file_stem(options).with_suffix(".pnnx")
    if not folder.exists():
        model, images = net(options)
        folder.mkdir()
        pnnx.export(model, str(folder / "net.pt"), (images[:1],))
    return folder


def random_images(options):
    height, width, channels = options.input
    return np.random.default_rng(0).standard_normal((options.batch, channels, height, width), dtype=np.float32)


def open_openvino(options):
    import openvino

    core = openvino.Core()
    hint = "LATENCY" if options.batch == 1 else "THROUGHPUT"
    settings = {"INFERENCE_NUM_THREADS": options.threads, "PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
    request = core.compile_model(write_openvino(options), "CPU", settings).create_infer_request()
    images = random_images(options)
    return lambda: request.infer(images, share_inputs=True, share_outputs=True), f"OpenVINO {openvino.__version__.split('-')[0]}"


def open_onnxruntime(options):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(write_onnx(options), settings, providers=["CPUExecutionProvider"])
    name, images = session.get_inputs()[0].name, random_images(options)
    return lambda: session.run(None, {name: images}), f"ONNX Runtime {onnxruntime.__version__}"


def open_ncnn(options):
    import ncnn

    folder = write_ncnn(options)
    network = ncnn.Net()
    network.opt.num_threads = options.threads
    for half in ("use_fp16_storage", "use_fp16_packed", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(network.opt, half, False)
    network.load_param(str(folder / "net.ncnn.param"))
    network.load_model(str(folder / "net.ncnn.bin"))
    images = random_images(options)

    def run():  # ncnn knows no batches
        for image in images:
            extractor = network.create_extractor()
            extractor.input("in0", ncnn.Mat(image))
            extractor.extract("out0")

    return run, f"ncnn {ncnn.__version__}"


def open_pytorch(options, compiled=False):
    import torch

    torch.set_num_threads(options.threads)
    path = file_stem(options).with_suffix(".pth")
    model, images = net(options)
    if options.prepare and not path.exists():
        torch.save(model.state_dict(), path)
    if options.start:
        model.load_state_dict(torch.load(path, weights_only=True))
    model, images = model.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)
    forward = torch.compile(model) if compiled else model

    def run():
        with torch.inference_mode():
            forward(images)

    return run, f"PyTorch {torch.__version__.split('+')[0]}"


OPEN = {
    "openvino": open_openvino,
    "onnxruntime": open_onnxruntime,
    "ncnn": open_ncnn,
    "pytorch": open_pytorch,
    "pytorch-compiled": lambda options: open_pytorch(options, compiled=True),
}


def measure(options, setting):
    run, version = OPEN[setting](options)
    seconds = []
    for _ in range(1 if options.prepare or options.start else options.warmup + options.steps):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    timed = seconds[options.warmup :] or seconds
    return {
        "peer": version.rsplit(" ", 1)[0],
        "version": version.rsplit(" ", 1)[1],
        "setting": setting,
        "model": options.model,
        "input": "x".join(map(str, options.input)),
        "batch": options.batch,
        "threads": options.threads,
        "steps": len(timed),
        "images_per_second": options.batch / statistics.median(timed),
        "step_seconds": statistics.median(timed),
        "fastest_step_seconds": min(timed),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main():
    options = arguments()
    for setting in options.settings:
        print(json.dumps(measure(options, setting)), flush=True)


if __name__ == "__main__":
    main()
