"""libshortcut for Python's tools: scores of a weights file on given images, through the public header's functions."""

import ctypes
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]


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
    _fields_ = [("mode", ctypes.c_int), ("batch", ctypes.c_int64), ("compute", Compute)]


MODE_INFER = 1


class Library:
    def __init__(self, path=ROOT / "build/release/libshortcut.so"):
        self.library = ctypes.CDLL(str(path))
        self.library.sc_model_classes.restype = ctypes.c_int64
        self.error = Error()

    def call(self, name, *arguments):
        if getattr(self.library, name)(*arguments, ctypes.byref(self.error)) != 0:
            raise RuntimeError(self.error.message.decode())

    def scores(self, path, images, convolution=0):
        """images (mb, height, width, channels), prepared -> scores (mb, classes), before the softmax."""
        model, plan = ctypes.c_void_p(), ctypes.c_void_p()
        images = np.ascontiguousarray(images, np.float32)
        self.call("sc_model_load", ctypes.byref(model), str(path).encode())
        options = PlanOptions(MODE_INFER, len(images), Compute(0, None, convolution, False))
        self.call("sc_plan_create", ctypes.byref(plan), model, ctypes.byref(options))
        scores = np.zeros((len(images), self.library.sc_model_classes(model)), np.float32)
        pointer = ctypes.POINTER(ctypes.c_float)
        self.library.sc_plan_forward(plan, images.ctypes.data_as(pointer), scores.ctypes.data_as(pointer))
        self.library.sc_plan_destroy(plan)
        self.library.sc_model_destroy(model)
        return scores
