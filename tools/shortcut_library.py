"""The program and libshortcut for Python's tools: scores of a weights file on given images, and steps of training, through the public header's functions."""

import ctypes
import pathlib
import subprocess

import numpy as np

MAX_CHANNELS = 4  # SC_MAX_CHANNELS
ROOT = pathlib.Path(__file__).resolve().parents[1]


def shortcut(*arguments):
    """The program's standard output; a failure raises."""
    return subprocess.run([str(ROOT / "build/release/shortcut"), *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout


def softmax(scores):
    exponentials = np.exp(scores.astype("float64") - scores.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


class Error(ctypes.Structure):
    _fields_ = [
        ("status", ctypes.c_int),
        ("offset", ctypes.c_int64),
        ("subject", ctypes.c_char * 256),
        ("message", ctypes.c_char * 512),
    ]


class Compute(ctypes.Structure):
    _fields_ = [
        ("threads", ctypes.c_int),
        ("instruction_set", ctypes.c_char_p),
        ("convolution", ctypes.c_int),
        ("no_fuse", ctypes.c_bool),
    ]


class PlanOptions(ctypes.Structure):
    _fields_ = [
        ("mode", ctypes.c_int),
        ("batch", ctypes.c_int64),
        ("compute", Compute),
        ("keep_outputs", ctypes.c_bool),
        ("memory", ctypes.c_int64),
    ]


class Optimizer(ctypes.Structure):
    _fields_ = [
        ("learning_rate", ctypes.c_float),
        ("momentum", ctypes.c_float),
        ("nesterov", ctypes.c_bool),
        ("weight_decay", ctypes.c_float),
        ("momentum_form", ctypes.c_int),
        ("weight_decay_form", ctypes.c_int),
        ("decay_all", ctypes.c_bool),
    ]


class Preprocess(ctypes.Structure):
    _fields_ = [
        ("resize", ctypes.c_bool),
        ("bgr", ctypes.c_bool),
        ("mean", ctypes.c_float * MAX_CHANNELS),
        ("deviation", ctypes.c_float * MAX_CHANNELS),
    ]


class ModelOptions(ctypes.Structure):
    _fields_ = [
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("classes", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("zero_init_last", ctypes.c_bool),
        ("preprocess", Preprocess),
        ("class_names", ctypes.c_void_p),
    ]


class Score(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int64), ("correct", ctypes.c_int64), ("loss", ctypes.c_double), ("accuracy", ctypes.c_double)]


MODE_TRAIN, MODE_INFER = 0, 1
FLOATS, LABELS = ctypes.POINTER(ctypes.c_float), ctypes.POINTER(ctypes.c_int32)


class Library:
    def __init__(self, path=ROOT / "build/release/libshortcut.so"):
        self.library = ctypes.CDLL(str(path))
        self.library.sc_model_classes.restype = ctypes.c_int64
        self.error = Error()

    def call(self, name, *arguments):
        if getattr(self.library, name)(*arguments, ctypes.byref(self.error)) != 0:
            raise RuntimeError(self.error.message.decode())

    def open(self, path, mode, batch, convolution):
        model, plan = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("sc_model_load", ctypes.byref(model), str(path).encode())
        options = PlanOptions(mode, batch, Compute(0, None, convolution, False), False, 0)
        self.call("sc_plan_create", ctypes.byref(plan), model, ctypes.byref(options))
        return model, plan

    def create(self, name, path, height, width, channels, classes, seed):
        """A net with its first random weights, into the file `path`."""
        model = ctypes.c_void_p()
        options = ModelOptions(height, width, channels, classes, seed)
        self.call("sc_model_create", ctypes.byref(model), name.encode(), ctypes.byref(options))
        self.call("sc_model_save", model, str(path).encode())
        self.library.sc_model_destroy(model)

    def close(self, model, plan):
        self.library.sc_plan_destroy(plan)
        self.library.sc_model_destroy(model)

    def scores(self, path, images, convolution=0):
        """images (mb, height, width, channels), prepared -> scores (mb, classes), before the softmax."""
        images = np.ascontiguousarray(images, np.float32)
        model, plan = self.open(path, MODE_INFER, len(images), convolution)
        scores = np.zeros((len(images), self.library.sc_model_classes(model)), np.float32)
        self.library.sc_plan_forward(plan, images.ctypes.data_as(FLOATS), scores.ctypes.data_as(FLOATS))
        self.close(model, plan)
        return scores

    def train(self, path, batches, optimizer, trained, convolution=0):
        """Steps on batches of (images, labels), from the weights in `path` -> losses; the weights go to the file `trained`."""
        self.library.sc_plan_step.restype = Score
        model, plan = self.open(path, MODE_TRAIN, len(batches[0][1]), convolution)
        losses = []
        for images, labels in batches:
            images, labels = np.ascontiguousarray(images, np.float32), np.ascontiguousarray(labels, np.int32)
            losses.append(self.library.sc_plan_step(plan, images.ctypes.data_as(FLOATS), labels.ctypes.data_as(LABELS)).loss)
            self.library.sc_plan_update(plan, ctypes.byref(optimizer))
        self.call("sc_model_save", model, str(trained).encode())
        self.close(model, plan)
        return losses
