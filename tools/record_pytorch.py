#!/usr/bin/env python3
"""Records what PyTorch computes, on the CPU in float32, into tests/recorded/pytorch_*.safetensors."""

import numpy as np
import torch
import torch.nn.functional as F

from nets_pytorch import ResNet18
from recording import Recording, add_changes, formula, net_labels, net_parameter

VERSIONS = {"made_by": "tools/record_pytorch.py", "framework": f"PyTorch {torch.__version__}"}


def to_torch(images):  # (mb, h, w, c) -> (mb, c, h, w)
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def from_torch(images):
    return images.detach().numpy().transpose(0, 2, 3, 1)


def kernel_to_torch(kernel):  # (kh, kw, ic, oc) -> (oc, ic, kh, kw), (in, out) -> (out, in)
    return torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T))


def kernel_from_torch(kernel):
    kernel = kernel.detach().numpy()
    return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T


# kernel, stride, padding, images (mb, ih, iw, ic), output channels, bias
CONVOLUTIONS = {
    "3x3": (3, 1, 1, (2, 7, 6, 5), 8, False),
    "3x3_17_channels_bias": (3, 1, 1, (2, 5, 5, 17), 3, True),
    "3x3_1x1_map": (3, 1, 1, (2, 1, 1, 8), 5, False),
    "3x3_stride2_even": (3, 2, 1, (2, 8, 8, 8), 5, False),
    "3x3_stride2_odd": (3, 2, 1, (2, 7, 9, 3), 8, True),
    "7x7_stride2_1_channel": (7, 2, 3, (2, 14, 14, 1), 8, False),
    "7x7_stride2_3_channels": (7, 2, 3, (2, 13, 12, 3), 5, True),
    "1x1": (1, 1, 0, (2, 5, 6, 17), 8, True),
    "1x1_stride2": (1, 2, 0, (2, 8, 7, 8), 17, False),
}


def record_convolutions(recording):
    for name, (k, stride, padding, shape, oc, has_bias) in CONVOLUTIONS.items():
        case = f"convolution/{name}"
        mb, ih, iw, ic = shape
        src, weights = formula(case + "src", shape, 1), formula(case + "weights", (k, k, ic, oc), 0.5)
        bias = formula(case + "bias", (oc,), 1) if has_bias else None
        x, w = to_torch(src).requires_grad_(), kernel_to_torch(weights).requires_grad_()
        b = torch.from_numpy(bias).requires_grad_() if has_bias else None
        y = F.conv2d(x, w, b, stride, padding)
        dst = from_torch(y)
        diff_dst = formula(case + "diff_dst", dst.shape, 1)
        y.backward(to_torch(diff_dst))
        problem = [mb, ih, iw, ic, *dst.shape[1:], k, k, stride, stride, padding, padding]
        recording.add(case + "/problem", problem, "<i8")
        recording.add_all(case, src=src, weights=weights, dst=dst, diff_dst=diff_dst)
        recording.add_all(case, diff_src=from_torch(x.grad), diff_weights=kernel_from_torch(w.grad))
        if has_bias:
            recording.add_all(case, bias=bias, diff_bias=b.grad)


def record_batch_norms(recording):
    for shape in ((2, 5, 6, 8), (4, 1, 1, 17), (3, 9, 9, 5)):
        case = "batch_norm/" + "x".join(map(str, shape))
        channels = shape[-1]
        src = formula(case + "src", shape, 2, 3)  # a mean that is not small: cancellation shows
        scale, shift = formula(case + "scale", (channels,), 0.5, 1), formula(case + "shift", (channels,), 0.5)
        mean, variance = formula(case + "mean", (channels,), 1, 3), formula(case + "variance", (channels,), 0.5, 1)
        diff_dst = formula(case + "diff_dst", shape, 1)
        layer = torch.nn.BatchNorm2d(channels)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(scale))
            layer.bias.copy_(torch.from_numpy(shift))
            layer.running_mean.copy_(torch.from_numpy(mean))
            layer.running_var.copy_(torch.from_numpy(variance))
        infer = from_torch(layer.eval()(to_torch(src)))
        x = to_torch(src).requires_grad_()
        y = layer.train()(x)
        y.backward(to_torch(diff_dst))
        recording.add(case + "/problem", shape, "<i8")
        recording.add(case + "/constants", [layer.eps, 1 - layer.momentum, layer.momentum, 1])  # last: unbiased
        recording.add_all(case, src=src, scale=scale, shift=shift, mean=mean, variance=variance, infer=infer)
        recording.add_all(case, dst=from_torch(y), diff_dst=diff_dst, diff_src=from_torch(x.grad))
        recording.add_all(case, diff_scale=layer.weight.grad, diff_shift=layer.bias.grad)
        recording.add_all(case, mean_after=layer.running_mean, variance_after=layer.running_var)


def record_pools(recording):
    for name, shape, ties in (("even", (2, 8, 8, 5), False), ("odd", (2, 7, 9, 3), False), ("ties", (2, 8, 7, 8), True)):
        case = f"max_pool/{name}"
        src = formula(case + "src", shape, 1)
        if ties:
            src = np.maximum(src, 0)  # as after a rectifier: many equal maxima, the first gets the gradient
        x = to_torch(src).requires_grad_()
        y = F.max_pool2d(x, 3, 2, 1)
        dst = from_torch(y)
        diff_dst = formula(case + "diff_dst", dst.shape, 1)
        y.backward(to_torch(diff_dst))
        recording.add(case + "/problem", [*shape[:3], *dst.shape[1:3], shape[3], 3, 3, 2, 2, 1, 1], "<i8")
        recording.add_all(case, src=src, dst=dst, diff_dst=diff_dst, diff_src=from_torch(x.grad))
    case, shape = "average_pool/7x5", (2, 7, 5, 8)
    src, diff_dst = formula(case + "src", shape, 1), formula(case + "diff_dst", (2, 8), 1)
    x = to_torch(src).requires_grad_()
    y = F.adaptive_avg_pool2d(x, 1).flatten(1)
    y.backward(torch.from_numpy(diff_dst))
    recording.add(case + "/problem", shape, "<i8")
    recording.add_all(case, src=src, dst=y.detach(), diff_dst=diff_dst, diff_src=from_torch(x.grad))


def record_dense(recording):
    case, mb, inputs, outputs = "dense/64_to_10", 5, 64, 10
    src, weights = formula(case + "src", (mb, inputs), 1), formula(case + "weights", (inputs, outputs), 0.5)
    bias, diff_dst = formula(case + "bias", (outputs,), 1), formula(case + "diff_dst", (mb, outputs), 1)
    x, w, b = torch.from_numpy(src), kernel_to_torch(weights), torch.from_numpy(bias)
    for tensor in (x, w, b):
        tensor.requires_grad_()
    y = F.linear(x, w, b)
    y.backward(torch.from_numpy(diff_dst))
    recording.add(case + "/problem", [mb, inputs, outputs], "<i8")
    recording.add_all(case, src=src, weights=weights, bias=bias, dst=y.detach(), diff_dst=diff_dst)
    recording.add_all(case, diff_src=x.grad, diff_weights=kernel_from_torch(w.grad), diff_bias=b.grad)


def record_losses(recording):
    for name, half_width, offset in (("ordinary", 3, 0), ("large", 60, 200)):
        case, mb, classes = f"loss/{name}", 7, 10
        scores, labels = formula(case + "scores", (mb, classes), half_width, offset), net_labels(case, mb, classes)
        x = torch.from_numpy(scores).requires_grad_()
        loss = F.cross_entropy(x, torch.from_numpy(labels))
        loss.backward()
        recording.add(case + "/problem", [mb, classes], "<i8")
        recording.add(case + "/labels", labels, "<i8")
        recording.add_all(case, scores=scores, probabilities=x.detach().softmax(1), diff_scores=x.grad)
        recording.add(case + "/loss", [loss.item()])


LEARNING_RATES = (0.1, 0.1, 0.05, 0.05, 0.02)  # it changes, because that is where the forms of momentum differ


def record_sgd(recording):
    for name, momentum, nesterov, decay in (
        ("plain", 0.0, False, 0),
        ("plain_decay", 0.0, False, 0.05),
        ("momentum", 0.9, False, 0),
        ("momentum_decay", 0.9, False, 0.05),
        ("nesterov", 0.9, True, 0),
        ("nesterov_decay", 0.9, True, 0.05),
    ):
        case, count = f"sgd/{name}", 37
        start, gradients = formula(case + "values", (count,), 1), formula(case + "gradients", (5, count), 1)
        w = torch.nn.Parameter(torch.from_numpy(start.copy()))
        optimizer = torch.optim.SGD([w], lr=1, momentum=momentum, nesterov=nesterov, weight_decay=decay)
        values = []
        for rate, gradient in zip(LEARNING_RATES, gradients):
            optimizer.param_groups[0]["lr"] = rate
            w.grad = torch.from_numpy(gradient.copy())
            optimizer.step()
            values.append(w.detach().numpy().copy())
        recording.add(case + "/problem", [count, nesterov, 0, 0], "<i8")  # nesterov, Keras' form, decoupled decay
        recording.add(case + "/constants", [momentum, decay])
        recording.add_all(case, learning_rates=LEARNING_RATES, start=start, gradients=gradients, values=values)


STEPS, BATCH, CLASSES, SIZE = 3, 4, 10, 28
RATE, MOMENTUM, DECAY = 0.003, 0.9, 5e-4


def parameters_of(model):
    named = {n: t for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}
    return {n: (kernel_from_torch(t) if t.ndim > 1 else t.numpy()).copy() for n, t in named.items()}


def train_resnet18(dtype):
    """Losses of the steps, parameters before and after, scores of the last step's images in inference."""
    model = ResNet18(1, CLASSES)
    state = {}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        shape = kernel_from_torch(tensor).shape if tensor.ndim > 1 else tuple(tensor.shape)
        value = net_parameter(name, shape)
        state[name] = kernel_to_torch(value) if value.ndim > 1 else torch.from_numpy(value)
    model.load_state_dict(state, strict=False)
    model.to(dtype)
    before, losses = parameters_of(model), []
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    for step in range(STEPS):
        images = to_torch(formula(f"images.{step}", (BATCH, SIZE, SIZE, 1), 1)).to(dtype)
        labels = torch.from_numpy(net_labels(step, BATCH, CLASSES))
        optimizer.zero_grad()
        loss = F.cross_entropy(model.train()(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        scores = model.eval()(images).numpy()
    return losses, before, parameters_of(model), scores


def record_resnet18():
    losses, before, after, scores = train_resnet18(torch.float32)
    recording = Recording(**VERSIONS, net="resnet18", input=f"{SIZE}x{SIZE}x1", classes=CLASSES)
    recording.add("problem", [STEPS, BATCH], "<i8")
    recording.add("optimizer", [RATE, MOMENTUM, DECAY])
    recording.add("losses", losses, "<f8")
    recording.add("scores", scores)
    add_changes(recording, before, after)
    recording.save("pytorch_resnet18.safetensors")


def main():
    torch.manual_seed(0)
    recording = Recording(**VERSIONS)
    record_convolutions(recording)
    record_batch_norms(recording)
    record_pools(recording)
    record_dense(recording)
    record_losses(recording)
    record_sgd(recording)
    recording.save("pytorch_ops.safetensors")
    record_resnet18()


if __name__ == "__main__":
    main()
