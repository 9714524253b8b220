#!/usr/bin/env python3
"""PyTorch's side of the comparison: a torchvision network, one setting, one process, so that VmHWM is its own.

usage: pytorch_network.py NETWORK train|infer nchw|channels_last|compile|compile_channels_last|max_autotune_channels_last
       [--batch 16] [--size 224] [--precision fp32|bf16|fp16] [--device cpu|cuda] [--seconds 20 | --steps N] [--threads 2] [--serve]

NETWORK is torchvision's name ("resnet50"); its first convolution takes 4 planes and it ends in 28 outputs. In 16 bits training
is under autocast and predicting is by a network of 16 bits; images lie on the device. Prints one line of JSON: images/s over the
timed window (warm-up excluded), versions, and peak memory: resident, or on a GPU what PyTorch took of the device's.
--serve waits for a line on standard input before each timed window, so that a driver can alternate programs.
"""
import argparse
import contextlib
import json
import sys
import time

import torch
import torchvision

PLANES, CLASSES = 4, 28
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("network")
    p.add_argument("job", choices=["train", "infer"])
    p.add_argument("setting", choices=["nchw", "channels_last", "compile", "compile_channels_last",
                                       "max_autotune_channels_last"])
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--precision", choices=list(DTYPES), default="fp32")
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    p.add_argument("--seconds", type=float, default=20)
    p.add_argument("--steps", type=int)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--serve", action="store_true")
    return p.parse_args()


def peak_megabytes(device):
    if device == "cuda":
        return torch.cuda.max_memory_reserved() / 2**20
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return None


def make_network(name):
    """torchvision's network with as many planes and classes as the compiled program's."""
    network = torchvision.models.get_model(name, num_classes=CLASSES)
    path, first = next((path, module) for path, module in network.named_modules() if isinstance(module, torch.nn.Conv2d))
    owner, _, attribute = path.rpartition(".")
    setattr(network.get_submodule(owner), attribute,
            torch.nn.Conv2d(PLANES, first.out_channels, first.kernel_size, first.stride, first.padding,
                            bias=first.bias is not None))
    return network


def compiled(network, setting):
    return torch.compile(network, mode="max-autotune" if "max_autotune" in setting else "default")


def make_step(options):
    network = make_network(options.network).to(options.device)
    images = torch.rand(options.batch, PLANES, options.size, options.size, device=options.device)
    labels = (torch.rand(options.batch, CLASSES, device=options.device) < 0.1).float()
    eager = options.setting in ("nchw", "channels_last")
    if "channels_last" in options.setting:
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    dtype = DTYPES[options.precision]
    if options.job == "infer":
        network, images = network.to(dtype).eval(), images.to(dtype)
        if not eager:
            import torch._inductor.config as inductor
            inductor.freezing = True
            network = compiled(network, options.setting)

        def infer():
            with torch.inference_mode() if eager else torch.no_grad():
                network(images)
        return infer
    loss_of = torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=options.device == "cuda")
    scaler = torch.amp.GradScaler(options.device, enabled=options.precision == "fp16")
    forward = network if eager else compiled(network, options.setting)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(options.device, dtype) if options.precision != "fp32" else contextlib.nullcontext():
            loss = loss_of(forward(images), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return train


def timed(step, count, device):
    """Seconds of `count` steps, one after the other."""
    began = time.perf_counter()
    for _ in range(count):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    step = make_step(options)
    timed(step, 3, options.device)
    count = options.steps or max(1, round(options.seconds / (timed(step, 2, options.device) / 2)))
    while True:
        if options.serve and not sys.stdin.readline():
            return
        rate = count * options.batch / timed(step, count, options.device)
        print(json.dumps({"network": options.network, "job": options.job, "setting": options.setting, "images_per_second": rate,
                          "peak_megabytes": peak_megabytes(options.device), "torch": torch.__version__}), flush=True)
        if not options.serve:
            return


main()
