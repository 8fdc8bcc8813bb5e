"""ResNets of the Keras tutorials: `same` padding, biased convolutions, a 1x1 projection without BatchNorm, softmax.

Layers bear torchvision's names, so that parameters can be matched by name.
"""

from keras import Input, Model, layers


def basic(x, name, channels, stride):
    x = layers.Conv2D(channels, 3, stride, padding="same", name=f"{name}.conv1")(x)
    x = layers.BatchNormalization(name=f"{name}.bn1")(x)
    x = layers.ReLU(name=f"{name}.relu1")(x)
    x = layers.Conv2D(channels, 3, padding="same", name=f"{name}.conv2")(x)
    return layers.BatchNormalization(name=f"{name}.bn2")(x)


def bottleneck(x, name, channels, stride):
    for index, (width, kernel, step) in enumerate(((channels, 1, stride), (channels, 3, 1), (4 * channels, 1, 1)), 1):
        x = layers.Conv2D(width, kernel, step, padding="same", name=f"{name}.conv{index}")(x)
        x = layers.BatchNormalization(name=f"{name}.bn{index}")(x)
        if index < 3:
            x = layers.ReLU(name=f"{name}.relu{index}")(x)
    return x


def resnet(residual, blocks, height, width, channels, classes=10):
    """(batch, height, width, channels) -> (batch, classes), probabilities"""
    images = Input((height, width, channels))
    x = layers.Conv2D(64, 7, 2, padding="same", name="conv1")(images)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.MaxPooling2D(3, 2, padding="same", name="maxpool")(x)
    for stage, (width, count) in enumerate(zip((64, 128, 256, 512), blocks), 1):
        for index in range(count):
            name, stride = f"layer{stage}.{index}", 2 if stage > 1 and index == 0 else 1
            y = residual(x, name, width, stride)
            if x.shape != y.shape:
                x = layers.Conv2D(y.shape[-1], 1, stride, padding="same", name=f"{name}.downsample.0")(x)
            x = layers.Add(name=f"{name}.add")([y, x])
            x = layers.ReLU(name=f"{name}.relu")(x)
    x = layers.GlobalAveragePooling2D(name="avgpool")(x)
    return Model(images, layers.Dense(classes, activation="softmax", name="fc")(x))


def resnet18(height, width, channels, classes=10):
    return resnet(basic, (2, 2, 2, 2), height, width, channels, classes)


def resnet50(height, width, channels, classes=10):
    return resnet(bottleneck, (3, 4, 6, 3), height, width, channels, classes)


PARAMETERS = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"} | {
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def parameters(model):
    """Name, as torchvision would say it -> variable. Keras' shapes are the engine's: (kh, kw, in, out), (in, out)."""
    return {f"{layer.name}.{PARAMETERS[v.name]}": v for layer in model.layers for v in layer.weights}
