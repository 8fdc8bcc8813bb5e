"""The ResNet-18 of the Keras tutorials: `same` padding, biased convolutions, a 1x1 projection without BatchNorm, softmax.

Layers bear torchvision's names, so that parameters can be matched by name.
"""

from keras import Input, Model, layers


def block(x, name, channels, stride):
    shortcut = x
    x = layers.Conv2D(channels, 3, stride, padding="same", name=f"{name}.conv1")(x)
    x = layers.BatchNormalization(name=f"{name}.bn1")(x)
    x = layers.ReLU(name=f"{name}.relu1")(x)
    x = layers.Conv2D(channels, 3, padding="same", name=f"{name}.conv2")(x)
    x = layers.BatchNormalization(name=f"{name}.bn2")(x)
    if stride != 1 or shortcut.shape[-1] != channels:
        shortcut = layers.Conv2D(channels, 1, stride, padding="same", name=f"{name}.downsample.0")(shortcut)
    x = layers.Add(name=f"{name}.add")([x, shortcut])
    return layers.ReLU(name=f"{name}.relu")(x)


def resnet18(height, width, channels, classes=10):
    """(batch, height, width, channels) -> (batch, classes), probabilities"""
    images = Input((height, width, channels))
    x = layers.Conv2D(64, 7, 2, padding="same", name="conv1")(images)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.MaxPooling2D(3, 2, padding="same", name="maxpool")(x)
    for stage, width in enumerate((64, 128, 256, 512), 1):
        for index in range(2):
            x = block(x, f"layer{stage}.{index}", width, 2 if stage > 1 and index == 0 else 1)
    x = layers.GlobalAveragePooling2D(name="avgpool")(x)
    return Model(images, layers.Dense(classes, activation="softmax", name="fc")(x))


PARAMETERS = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"} | {
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def parameters(model):
    """Name, as torchvision would say it -> variable. Keras' shapes are the engine's: (kh, kw, in, out), (in, out)."""
    return {f"{layer.name}.{PARAMETERS[v.name]}": v for layer in model.layers for v in layer.weights}
