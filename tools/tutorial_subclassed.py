"""The tutorial's model as the tutorial writes it: classes, whose weights files name layers by attributes and by lists.

The bottleneck blocks are what the tutorial explains and leaves to the reader, in the same style.
"""

from keras import Model, layers


class Residual(Model):
    """3x3 with the stride, 3x3; where the shape changes, a 1x1 convolution of the input."""

    def __init__(self, channels, projection=False, stride=1):
        super().__init__()
        self.conv1 = layers.Conv2D(channels, 3, stride, padding="same")
        self.conv2 = layers.Conv2D(channels, 3, padding="same")
        self.conv3 = layers.Conv2D(channels, 1, stride) if projection else None
        self.bn1 = layers.BatchNormalization()
        self.bn2 = layers.BatchNormalization()
        self.relu = layers.Activation("relu")

    def call(self, x, training=None):
        y = self.relu(self.bn1(self.conv1(x), training=training))
        y = self.bn2(self.conv2(y), training=training)
        return self.relu(y + (self.conv3(x) if self.conv3 is not None else x))


class Bottleneck(Model):
    """1x1 with the stride, 3x3, 1x1 with four times the channels."""

    def __init__(self, channels, projection=False, stride=1):
        super().__init__()
        self.conv1 = layers.Conv2D(channels, 1, stride)
        self.conv2 = layers.Conv2D(channels, 3, padding="same")
        self.conv3 = layers.Conv2D(4 * channels, 1)
        self.conv4 = layers.Conv2D(4 * channels, 1, stride) if projection else None
        self.bn1 = layers.BatchNormalization()
        self.bn2 = layers.BatchNormalization()
        self.bn3 = layers.BatchNormalization()
        self.relu = layers.Activation("relu")

    def call(self, x, training=None):
        y = self.relu(self.bn1(self.conv1(x), training=training))
        y = self.relu(self.bn2(self.conv2(y), training=training))
        y = self.bn3(self.conv3(y), training=training)
        return self.relu(y + (self.conv4(x) if self.conv4 is not None else x))


class ResnetBlock(layers.Layer):
    def __init__(self, residual, channels, count, first_block=False):
        super().__init__()
        self.listLayers = []
        for i in range(count):
            first = i == 0
            projection = first and (not first_block or residual is Bottleneck)
            self.listLayers.append(residual(channels, projection, 2 if first and not first_block else 1))

    def call(self, x, training=None):
        for layer in self.listLayers:
            x = layer(x, training=training)
        return x


class ResNet(Model):
    """(batch, height, width, channels) -> (batch, classes): probabilities, or scores where `activation` is None"""

    def __init__(self, blocks=(2, 2, 2, 2), residual=Residual, classes=10, activation="softmax", widths=(64, 128, 256, 512)):
        super().__init__()
        self.conv = layers.Conv2D(widths[0], 7, 2, padding="same")
        self.bn = layers.BatchNormalization()
        self.relu = layers.Activation("relu")
        self.mp = layers.MaxPool2D(3, 2, padding="same")
        self.resnet_block1 = ResnetBlock(residual, widths[0], blocks[0], first_block=True)
        self.resnet_block2 = ResnetBlock(residual, widths[1], blocks[1])
        self.resnet_block3 = ResnetBlock(residual, widths[2], blocks[2])
        self.resnet_block4 = ResnetBlock(residual, widths[3], blocks[3])
        self.gap = layers.GlobalAvgPool2D()
        self.fc = layers.Dense(classes, activation=activation)

    def call(self, x, training=None):
        x = self.mp(self.relu(self.bn(self.conv(x), training=training)))
        for block in (self.resnet_block1, self.resnet_block2, self.resnet_block3, self.resnet_block4):
            x = block(x, training=training)
        return self.fc(self.gap(x))
