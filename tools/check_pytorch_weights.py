#!/usr/bin/env python3
"""Weights both ways between torchvision and `shortcut convert`: prints how far the outputs are apart, exits 1 if too far.

usage: check_pytorch_weights.py [NET...]      (default: resnet18 and resnet50; timm:NAME takes one of timm's)

For each net with its own random weights and BatchNorm statistics of three batches: state_dict -> .pth and .safetensors -> convert ->
scores against PyTorch in eval mode (relative L2); then convert -> .pth -> torch.load(weights_only=True), load_state_dict(strict=True) ->
the outputs must be equal.
"""

import sys
import tempfile

import numpy as np
import torch
import torchvision

from shortcut_library import Library, shortcut

BOUND = 1e-5


def make(name):
    if name.startswith("timm:"):
        import timm

        return timm.create_model(name[5:], pretrained=False), name[5:]
    return torchvision.models.get_model(name, weights=None), name


def settle(net):
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(4, 3, 96, 96))
    return net.eval()


def check(name, folder):
    net, preset = make(name)
    settle(net)
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        expected = net(images).numpy()
    pth, safetensors = f"{folder}/{preset}.pth", f"{folder}/{preset}.safetensors"
    torch.save(net.state_dict(), pth)
    from safetensors.torch import save_file

    save_file(net.state_dict(), safetensors)
    worst = 0.0
    for source in (pth, safetensors):
        ours = f"{folder}/ours.safetensors"
        shortcut("convert", source, ours, "--model", preset)
        for convolution in (0, 1):  # Winograd where it pays, direct everywhere
            found = Library().scores(ours, images.numpy().transpose(0, 2, 3, 1), convolution)
            worst = max(worst, float(np.linalg.norm(found - expected) / np.linalg.norm(expected)))
    back = f"{folder}/back.pth"
    shortcut("convert", ours, back)
    again, _ = make(name)
    again.load_state_dict(torch.load(back, weights_only=True), strict=True)
    with torch.no_grad():
        equal = torch.equal(again.eval()(images), torch.from_numpy(expected))
    print(f"{name}: scores {worst:.2e} apart (relative L2), back in PyTorch {'equal' if equal else 'NOT EQUAL'}")
    return worst <= BOUND and equal


def main():
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        results = [check(name, folder) for name in sys.argv[1:] or ["resnet18", "resnet50"]]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
