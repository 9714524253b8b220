#!/usr/bin/env python3
"""Records what Keras computes for keras.applications' networks in double precision, and how their weights are called.

    python make_keras.py NAME...                    NAME.txt and names/NAME.txt, beside this script; runs some minutes
    python make_keras.py --names NAME...            only the lists of names

Needs keras and what make_vectors.py needs. README.md says what the files hold and how the numbers that go in are made.
Nothing is random.
"""
import itertools
import os
import re
import sys

os.environ["KERAS_BACKEND"] = "torch"
import keras
import torch
from keras.src.backend.common import dtypes
from make_vectors import CLASSES, filled, shape_text, summary, write

ROWS, ENTRIES, PROJECTIONS = 2, 64, 8
CALM_END, CALM = "_3_bn.weight", 0.1  # of a residual branch: scaled down, as README.md says
NETWORKS = {  # file below models/, network, side of the image
    "keras_vgg16": ("backbones/keras/vgg.hpanet", keras.applications.VGG16, 64),
    "keras_resnet50": ("backbones/keras/resnet.hpanet", keras.applications.ResNet50, 48),
    "keras_resnet152": ("backbones/keras/resnet.hpanet", keras.applications.ResNet152, 48),
    "keras_densenet121": ("backbones/keras/densenet.hpanet", keras.applications.DenseNet121, 64),
}
OURS = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias", "moving_mean": "running_mean",
        "moving_variance": "running_var"}

dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # or the torch backend would multiply matrices in single precision


def our_name(weight):
    layer, name = weight.path.rsplit("/", 1)
    return layer + "." + OURS[name]


def in_order(weights):
    """Keras lists the two branches of a block by turns; here its layers stand by their numbers."""
    def block(weight):
        return re.sub(r"_\d_(conv|bn)/.*", "", weight.path)

    def place(weight):
        number, kind = re.search(r"(\d)_(conv|bn)/", weight.path).groups()
        return number, kind == "bn"

    for name, part in itertools.groupby(weights, block):
        yield from part if "/" in name else sorted(part, key=place)


def our_axes(weight):
    """Keras has [rows, columns, in, out] and [in, out], we have [out, in, rows, columns] and [out, in]."""
    return {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}[len(weight.shape)]


def our_shape(weight):
    return tuple(weight.shape[axis] for axis in our_axes(weight))


def fill(net):
    for weight in net.weights:
        name = "body." + our_name(weight)
        values = filled(name, our_shape(weight), factor=CALM if name.endswith(CALM_END) else 1)
        axes = our_axes(weight)
        weight.assign(values.permute([axes.index(axis) for axis in range(len(axes))]).numpy())


def record(build, side, dtype):
    """The logits with running and with the batch's statistics, and the running means after that."""
    keras.utils.clear_session()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    net = build(weights=None, input_shape=(side, side, 3), classes=CLASSES, classifier_activation=None)
    fill(net)
    image = filled("image", (ROWS, 3, side, side)).permute(0, 2, 3, 1).to(getattr(torch, dtype))
    tensors = {"logits.evaluate": net(image, training=False), "logits.train": net(image, training=True)}
    for weight in net.weights:
        if weight.path.endswith("moving_mean"):
            tensors["body." + our_name(weight)] = weight.value.clone()
    return {name: tensor.detach().to(torch.float64) for name, tensor in tensors.items()}


def first_lines(name, file, classes, image):
    return ["# made by make_keras.py with keras %s; see README.md" % keras.__version__,
            "file " + file, "call %s(image, %s)" % (name, classes), "image " + shape_text(image)]


def record_numbers(name, folder):
    file, build, side = NETWORKS[name]
    double, single = record(build, side, "float64"), record(build, side, "float32")
    lines = first_lines(name, file, "classes(labels)", (ROWS, 3, side, side))
    lines += ["recorded %d %d 0" % (ENTRIES, PROJECTIONS), "scale %s %g" % (CALM_END, CALM)]
    for tensor, values in double.items():
        error = ((single[tensor] - values).abs().max() / values.abs().max()).item()
        lines += summary(tensor, values, error, ENTRIES, PROJECTIONS)
    write("%s/%s.txt" % (folder, name), lines)


def record_names(name, folder):
    """Of the network as it is published."""
    file, build, _ = NETWORKS[name]
    net = build(weights=None)
    lines = first_lines(name, file, "1000", (1, 3, 224, 224))
    lines += ["%s %s" % (our_name(weight), shape_text(our_shape(weight))) for weight in in_order(net.weights)]
    counts = [sum(weight.value.numel() for weight in part) for part in (net.trainable_weights, net.non_trainable_weights)]
    lines.append("total %d %d %d" % (len(net.weights), *counts))
    write("%s/names/%s.txt" % (folder, name), lines)


def main():
    arguments = sys.argv[1:]
    names = [argument for argument in arguments if argument != "--names"]
    unknown = [name for name in names if name not in NETWORKS]
    if not names or unknown:
        sys.exit("%s\n%s\nNAMES: %s" % (__doc__, "unknown: " + ", ".join(unknown) if unknown else "", " ".join(NETWORKS)))
    folder = os.path.dirname(os.path.abspath(__file__))
    for name in names:
        record_names(name, folder)
        if "--names" not in arguments:
            record_numbers(name, folder)


if __name__ == "__main__":
    main()
