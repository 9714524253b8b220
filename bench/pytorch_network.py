#!/usr/bin/env python3
"""PyTorch's side of the comparison: a torchvision network, one setting, one process, so that VmHWM is its own.

usage: pytorch_network.py NETWORK train|infer nchw|channels_last|compile|compile_channels_last [--batch 16] [--size 224]
       [--seconds 20] [--threads 2] [--serve]

NETWORK is torchvision's name ("resnet50"); its first convolution takes 4 planes and it ends in 28 outputs. Prints one line of JSON: images/s over the timed window (warm-up excluded), peak resident memory, versions.
--serve waits for a line on standard input before each timed window, so that a driver can alternate programs.
"""
import argparse
import json
import sys
import time

import torch
import torchvision

PLANES, CLASSES = 4, 28


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("network")
    p.add_argument("job", choices=["train", "infer"])
    p.add_argument("setting", choices=["nchw", "channels_last", "compile", "compile_channels_last"])
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--seconds", type=float, default=20)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--serve", action="store_true")
    return p.parse_args()


def peak_megabytes():
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


def make_step(options):
    network = make_network(options.network)
    images = torch.rand(options.batch, PLANES, options.size, options.size)
    labels = (torch.rand(options.batch, CLASSES) < 0.1).float()
    if "channels_last" in options.setting:
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    loss_of = torch.nn.BCEWithLogitsLoss()
    if options.job == "infer":
        network.eval()
        if "compile" in options.setting:
            import torch._inductor.config as inductor
            inductor.freezing = True
            network = torch.compile(network)

        def infer():
            with torch.inference_mode() if "compile" not in options.setting else torch.no_grad():
                network(images)
        return infer
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    forward = torch.compile(network) if "compile" in options.setting else network

    def train():
        optimizer.zero_grad(set_to_none=True)
        loss_of(forward(images), labels).backward()
        optimizer.step()
    return train


def timed(step, seconds, batch):
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        count += 1
    return count * batch / (time.perf_counter() - began)


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    step = make_step(options)
    for _ in range(3):
        step()
    while True:
        if options.serve and not sys.stdin.readline():
            return
        rate = timed(step, options.seconds, options.batch)
        print(json.dumps({"network": options.network, "job": options.job, "setting": options.setting, "images_per_second": rate,
                          "peak_megabytes": peak_megabytes(), "torch": torch.__version__}), flush=True)
        if not options.serve:
            return


main()
