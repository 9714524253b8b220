"""A backbone as a whole program: 4 planes in, 28 labels out, binary cross-entropy, Adam. For the comparisons with PyTorch."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("HPANET_BUILD") or ROOT / "build")
HPACC = str(BUILD / "compiler/hpacc")
JOBS = {"train": "training", "infer": "prediction"}  # PyTorch's word, the program's word
MODEL = """hpanet 1
use "data/hpa.hpanet"
use "backbones/%(file)s"
use "losses.hpanet"
use "optimizers.hpanet"

input  image  = data.image at %(size)d px
target labels = data.labels

network {
  logits = %(network)s(image, classes(labels)) as body
}

normalize image per plane
loss      = bce(logits, labels)
optimizer = adam()
batch %(batch)d
lr = 1e-3
epochs 1
"""


def write_model(network, size, batch, folder):
    files = [file.name for file in sorted((ROOT / "models/backbones").glob("*.hpanet"))
             if re.search(rf"^block {network}\(", file.read_text(), re.MULTILINE)]
    if not files:
        sys.exit(f"no file in models/backbones has a block named {network}")
    model = pathlib.Path(folder) / f"{network}.hpanet"
    model.write_text(MODEL % {"file": files[0], "network": network, "size": size, "batch": batch})
    return model


def compile_model(hpacc, model, folder, options, environment):
    """The path of the program."""
    out = pathlib.Path(folder) / "program"
    subprocess.run([hpacc, str(model), *options, "-o", str(out)], env=environment, check=True)
    return out / model.stem
