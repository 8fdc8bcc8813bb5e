#!/usr/bin/env python3
"""Records a net's weights and the outputs of its layers: what `shortcut convert WEIGHTS --model NET --check ACTIVATIONS` compares.

NET is a net of torchvision, timm:NAME one of timm's, keras-tutorial-18 or -50 the tutorials'. Its weights are random, its BatchNorm
statistics those of some batches. WEIGHTS ends in .pth (PyTorch) or .safetensors (Keras); ACTIVATIONS in .npz.
"""

import argparse

import numpy as np


def channels_last(array):
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array


def record_torch(name, size, weights):
    import torch

    torch.manual_seed(0)
    if name.startswith("timm:"):
        import timm

        net = timm.create_model(name[5:], pretrained=False)
    else:
        import torchvision

        net = torchvision.models.get_model(name, weights=None)
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.randn(4, 3, size, size))
        torch.save(net.state_dict(), weights)
        images, outputs = torch.randn(2, 3, size, size), {}
        kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.Linear, torch.nn.MaxPool2d)

        def keep(layer):
            def hook(_, __, output):
                outputs[layer] = output.numpy().copy()  # what comes next may work in place

            return hook

        for layer, module in net.named_modules():
            if isinstance(module, kinds):
                module.register_forward_hook(keep(layer))
        net.eval()(images)
    return {"images": channels_last(images.numpy())} | {layer: channels_last(out) for layer, out in outputs.items()}


def record_keras(name, size, weights):
    import keras
    import nets_keras
    from safetensors.numpy import save_file

    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    net = (nets_keras.resnet18 if name.endswith("18") else nets_keras.resnet50)(size, size, 1)
    for _ in range(3):
        net(random.uniform(0, 255, (4, size, size, 1)).astype("float32"), training=True)
    tensors = {tensor: variable.numpy() for tensor, variable in nets_keras.parameters(net).items()}
    save_file({t: np.ascontiguousarray(v.transpose(3, 2, 0, 1) if v.ndim == 4 else v.T) for t, v in tensors.items()}, weights)
    layers = [layer for layer in net.layers[1:] if layer.name != "fc"]  # ours gives scores, Keras' probabilities
    images = random.uniform(0, 255, (2, size, size, 1)).astype("float32")
    outputs = keras.Model(net.inputs, [layer.output for layer in layers])(images, training=False)
    return {"images": images} | {layer.name: output.numpy() for layer, output in zip(layers, outputs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net")
    parser.add_argument("weights")
    parser.add_argument("activations")
    parser.add_argument("--size", type=int, default=224, help="of the images (default 224)")
    options = parser.parse_args()
    record = record_keras if options.net.startswith("keras-tutorial") else record_torch
    np.savez(options.activations, **record(options.net, options.size, options.weights))


if __name__ == "__main__":
    main()
