#!/usr/bin/env python3
"""Trains torchvision's nets in PyTorch and in Shortcut, from the same random weights on the same random images, and says how far they part.

usage: check_pytorch_nets.py [NET...]      (default: every residual net of torchvision that Shortcut knows)

For each net: the scores with the first weights, in eval mode (relative L2); the losses of ten steps of SGD(0.1, momentum 0.9, weight decay
1e-4), the largest relative difference; and what Shortcut saved, loaded with strict=True: the scores there against Shortcut's own. A large
learning rate on random labels makes each rounding grow from step to step, so both are held against PyTorch in float64, too. Exits 1 where
scores are more than 1e-5 apart, or where Shortcut's losses are more than twice as far from float64 as PyTorch's and more than 1e-4.
"""

import copy
import sys
import tempfile

import numpy as np
import torch
import torchvision

from shortcut_library import Library, Optimizer, shortcut

NETS = "resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d resnext101_64x4d wide_resnet50_2 wide_resnet101_2"
SIDE, BATCH, STEPS = 64, 8, 10
RATE, MOMENTUM, DECAY = 0.1, 0.9, 1e-4


def scores_of(net, images):
    with torch.no_grad():
        return net.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2)).to(next(net.parameters()).dtype)).numpy()


def train(net, batches):
    """A copy of the net, in its own type -> losses."""
    net = copy.deepcopy(net).train()
    kind = next(net.parameters()).dtype
    optimizer = torch.optim.SGD(net.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
    losses = []
    for images, labels in batches:
        optimizer.zero_grad()
        scores = net(torch.from_numpy(images.transpose(0, 3, 1, 2)).to(kind))
        loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(labels))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def apart(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def furthest(losses, exact):
    return float(np.abs(np.array(losses) / np.array(exact) - 1).max())


def check(name, folder):
    net = torchvision.models.get_model(name, weights=None)
    random = np.random.default_rng(2)
    batches = [(random.standard_normal((BATCH, SIDE, SIDE, 3), "float32"), random.integers(0, 1000, BATCH)) for _ in range(STEPS)]
    first, ours, trained, back = (f"{folder}/{file}" for file in ("first.pth", "first.safetensors", "trained.safetensors", "back.pth"))
    torch.save(net.state_dict(), first)
    shortcut("convert", first, ours, "--model", name, "--input", f"{SIDE}x{SIDE}x3")
    scores = apart(Library().scores(ours, batches[0][0]), scores_of(net, batches[0][0]))
    exact, theirs = train(copy.deepcopy(net).double(), batches), train(net, batches)
    optimizer = Optimizer(learning_rate=RATE, momentum=MOMENTUM, weight_decay=DECAY, decay_all=True)
    losses = Library().train(ours, batches, optimizer, trained)
    shortcut("convert", trained, back)
    again = torchvision.models.get_model(name, weights=None)
    again.load_state_dict(torch.load(back, weights_only=True), strict=True)
    returned = apart(Library().scores(trained, batches[0][0]), scores_of(again, batches[0][0]))
    mine, torchs = furthest(losses, exact), furthest(theirs, exact)
    print(f"{name:18} {scores:10.1e} {furthest(losses, theirs):14.1e} {mine:18.1e} {torchs:16.1e} {returned:12.1e}", flush=True)
    return scores <= 1e-5 and returned <= 1e-5 and (mine <= 1e-4 or mine <= 2 * torchs)


def main():
    torch.manual_seed(1)
    print(f"{'net':18} {'scores':>10} {'losses, apart':>14} {'ours from float64':>18} {'PyTorch from it':>16} {'back there':>12}")
    with tempfile.TemporaryDirectory() as folder:
        results = [check(name, folder) for name in sys.argv[1:] or NETS.split()]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
