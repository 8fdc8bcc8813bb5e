#!/usr/bin/env python3
"""Records what Keras with TensorFlow computes, on the CPU in float32, into tests/recorded/keras_*.safetensors."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, losses, optimizers

import nets_keras
from recording import Recording, add_changes, formula, net_labels, net_parameter

VERSIONS = {"made_by": "tools/record_keras.py", "framework": f"Keras {keras.__version__}, TensorFlow {tf.__version__}"}


def same_padding(size, kernel, stride):
    """Rows (or columns) of padding before the image, by Keras' rule: ceil(size / stride) outputs, the odd one goes after."""
    return max(0, (-(-size // stride) - 1) * stride + kernel - size) // 2


def run_layer(layer, src, diff_dst_name, training=None):
    """dst, diff_dst, and the gradients by src and by the layer's trainable variables, for a diff_dst made by the formula."""
    x = tf.constant(src)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **({} if training is None else {"training": training}))
    diff_dst = formula(diff_dst_name, y.shape, 1)
    variables = [v.value for v in layer.trainable_variables]
    gradients = tape.gradient(y, [x, *variables], output_gradients=tf.constant(diff_dst))
    return y.numpy(), diff_dst, [g.numpy() for g in gradients]


# kernel, stride, images (mb, ih, iw, ic), output channels, bias
CONVOLUTIONS = {
    "3x3_bias": (3, 1, (2, 6, 7, 5), 8, True),
    "3x3_stride2_even": (3, 2, (2, 8, 8, 8), 5, True),
    "3x3_stride2_odd": (3, 2, (2, 7, 9, 3), 8, False),
    "3x3_stride2_mixed_17_channels": (3, 2, (2, 6, 5, 17), 3, True),
    "7x7_stride2_1_channel": (7, 2, (2, 14, 14, 1), 8, True),
    "7x7_stride2_3_channels_odd": (7, 2, (2, 13, 12, 3), 5, True),
    "1x1_stride2_even": (1, 2, (2, 8, 6, 8), 5, True),
    "1x1_stride2_odd": (1, 2, (2, 7, 5, 3), 17, True),
}


def record_convolutions(recording):
    for name, (k, stride, shape, oc, has_bias) in CONVOLUTIONS.items():
        case = f"convolution/{name}"
        mb, ih, iw, ic = shape
        src, weights = formula(case + "src", shape, 1), formula(case + "weights", (k, k, ic, oc), 0.5)
        layer = layers.Conv2D(oc, k, stride, padding="same", use_bias=has_bias)
        layer.build(shape)
        layer.kernel.assign(weights)
        if has_bias:
            layer.bias.assign(formula(case + "bias", (oc,), 1))
        dst, diff_dst, gradients = run_layer(layer, src, case + "diff_dst")
        padding = [same_padding(ih, k, stride), same_padding(iw, k, stride)]
        recording.add(case + "/problem", [mb, ih, iw, ic, *dst.shape[1:], k, k, stride, stride, *padding], "<i8")
        recording.add_all(case, src=src, weights=weights, dst=dst, diff_dst=diff_dst)
        recording.add_all(case, diff_src=gradients[0], diff_weights=gradients[1])
        if has_bias:
            recording.add_all(case, bias=layer.bias, diff_bias=gradients[2])


def record_batch_norms(recording):
    for shape in ((2, 5, 6, 8), (4, 1, 1, 17), (3, 9, 9, 5)):
        case = "batch_norm/" + "x".join(map(str, shape))
        channels = shape[-1]
        src = formula(case + "src", shape, 2, 3)  # a mean that is not small: cancellation shows
        given = {
            "scale": formula(case + "scale", (channels,), 0.5, 1),
            "shift": formula(case + "shift", (channels,), 0.5),
            "mean": formula(case + "mean", (channels,), 1, 3),
            "variance": formula(case + "variance", (channels,), 0.5, 1),
        }
        layer = layers.BatchNormalization()
        layer.build(shape)
        for variable, value in zip((layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance), given.values()):
            variable.assign(value)
        infer = layer(tf.constant(src), training=False)
        dst, diff_dst, gradients = run_layer(layer, src, case + "diff_dst", training=True)
        recording.add(case + "/problem", shape, "<i8")
        recording.add(case + "/constants", [layer.epsilon, layer.momentum, 1 - layer.momentum, 0])  # last: unbiased
        recording.add_all(case, src=src, **given, infer=infer, dst=dst, diff_dst=diff_dst)
        recording.add_all(case, diff_src=gradients[0], diff_scale=gradients[1], diff_shift=gradients[2])
        recording.add_all(case, mean_after=layer.moving_mean, variance_after=layer.moving_variance)


def record_pools(recording):
    for name, shape, ties in (("even", (2, 8, 8, 5), False), ("odd", (2, 7, 9, 3), False), ("ties", (2, 8, 7, 8), True)):
        case = f"max_pool/{name}"
        src = formula(case + "src", shape, 1)
        if ties:
            src = np.maximum(src, 0)  # as after a rectifier: many equal maxima, the first gets the gradient
        dst, diff_dst, gradients = run_layer(layers.MaxPooling2D(3, 2, padding="same"), src, case + "diff_dst")
        padding = [same_padding(size, 3, 2) for size in shape[1:3]]
        recording.add(case + "/problem", [*shape[:3], *dst.shape[1:3], shape[3], 3, 3, 2, 2, *padding], "<i8")
        recording.add_all(case, src=src, dst=dst, diff_dst=diff_dst, diff_src=gradients[0])
    case, shape = "average_pool/7x5", (2, 7, 5, 8)
    src = formula(case + "src", shape, 1)
    dst, diff_dst, gradients = run_layer(layers.GlobalAveragePooling2D(), src, case + "diff_dst")
    recording.add(case + "/problem", shape, "<i8")
    recording.add_all(case, src=src, dst=dst, diff_dst=diff_dst, diff_src=gradients[0])


def record_dense(recording):
    case, mb, inputs, outputs = "dense/64_to_10", 5, 64, 10
    src, weights = formula(case + "src", (mb, inputs), 1), formula(case + "weights", (inputs, outputs), 0.5)
    layer = layers.Dense(outputs)
    layer.build(src.shape)
    layer.kernel.assign(weights)
    layer.bias.assign(formula(case + "bias", (outputs,), 1))
    dst, diff_dst, gradients = run_layer(layer, src, case + "diff_dst")
    recording.add(case + "/problem", [mb, inputs, outputs], "<i8")
    recording.add_all(case, src=src, weights=weights, bias=layer.bias, dst=dst, diff_dst=diff_dst)
    recording.add_all(case, diff_src=gradients[0], diff_weights=gradients[1], diff_bias=gradients[2])


def record_losses(recording):
    for name, half_width, offset in (("ordinary", 3, 0), ("large", 60, 200)):
        case, mb, classes = f"loss/{name}", 7, 10
        scores, labels = formula(case + "scores", (mb, classes), half_width, offset), net_labels(case, mb, classes)
        x = tf.constant(scores)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = losses.SparseCategoricalCrossentropy(from_logits=True)(labels, x)
        recording.add(case + "/problem", [mb, classes], "<i8")
        recording.add(case + "/labels", labels, "<i8")
        recording.add_all(case, scores=scores, probabilities=tf.nn.softmax(x), diff_scores=tape.gradient(loss, x))
        recording.add(case + "/loss", [loss])


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
        w = keras.Variable(start)
        optimizer = optimizers.SGD(1.0, momentum=momentum, nesterov=nesterov, weight_decay=decay or None)
        values = []
        for rate, gradient in zip(LEARNING_RATES, gradients):
            optimizer.learning_rate = rate
            optimizer.apply([tf.constant(gradient)], [w])
            values.append(w.numpy().copy())
        recording.add(case + "/problem", [count, nesterov, 1, 1], "<i8")  # nesterov, Keras' form, decoupled decay
        recording.add(case + "/constants", [momentum, decay])
        recording.add_all(case, learning_rates=LEARNING_RATES, start=start, gradients=gradients, values=values)


STEPS, BATCH, CLASSES, SIZE, RATE = 3, 4, 10, 28, 0.01


def pixels(step):
    """Whole numbers 0..255, given to the net as they are, as the tutorial does."""
    return np.floor(formula(f"images.{step}", (BATCH, SIZE, SIZE, 1), 128, 128))


def train_tutorial_18():
    """Losses of the steps, parameters before and after, scores of the last step's images in inference."""
    model = nets_keras.resnet18(SIZE, SIZE, 1, CLASSES)
    variables = nets_keras.parameters(model)
    for name, variable in variables.items():
        variable.assign(net_parameter(name, tuple(variable.shape)))
    model.compile(optimizer=optimizers.SGD(RATE), loss="sparse_categorical_crossentropy")
    before = {name: variable.numpy().copy() for name, variable in variables.items()}
    step_losses = [float(model.train_on_batch(pixels(step), net_labels(step, BATCH, CLASSES))) for step in range(STEPS)]
    after = {name: variable.numpy() for name, variable in variables.items()}
    features = keras.Model(model.input, model.get_layer("avgpool").output)(pixels(STEPS - 1), training=False).numpy()
    scores = features @ after["fc.weight"] + after["fc.bias"]  # the model itself ends with a softmax
    return step_losses, before, after, scores


def record_tutorial_18():
    step_losses, before, after, scores = train_tutorial_18()
    recording = Recording(**VERSIONS, net="keras-tutorial-18", input=f"{SIZE}x{SIZE}x1", classes=CLASSES)
    recording.add("problem", [STEPS, BATCH], "<i8")
    recording.add("optimizer", [RATE, 0, 0])
    recording.add("losses", step_losses, "<f8")
    recording.add("scores", scores)
    add_changes(recording, before, after)
    recording.save("keras_tutorial_18.safetensors")


def main():
    recording = Recording(**VERSIONS)
    record_convolutions(recording)
    record_batch_norms(recording)
    record_pools(recording)
    record_dense(recording)
    record_losses(recording)
    record_sgd(recording)
    recording.save("keras_ops.safetensors")
    record_tutorial_18()


if __name__ == "__main__":
    main()
