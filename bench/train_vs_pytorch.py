#!/usr/bin/env python3
"""A backbone in a compiled program and in PyTorch, side by side in one run: images/s and peak memory.

usage: train_vs_pytorch.py [--network resnet34|resnet50|vgg16|densenet121|...] [--hpacc build/compiler/hpacc]
       [--python python3] [--rounds 5] [--seconds 8] [--threads 2] [--size 224] [--batch 16]

--network is a name that torchvision and a file in models/backbones/ share; both sides take 4 planes and give 28 outputs.
The same job on both sides: 4x224x224, batch 16, fp32, Adam, the same number of threads. Every round runs each of
PyTorch's settings and then the compiled program for --seconds, so that a machine that slows down slows both. Prints the
median of the rounds, PyTorch's best setting, and the ratios. --python names an interpreter that has torch and torchvision.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

from network import HPACC, JOBS, ROOT, compile_model, write_model

SETTINGS = ["nchw", "channels_last", "compile", "compile_channels_last"]


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--hpacc", default=HPACC)
    p.add_argument("--python", default=sys.executable)
    p.add_argument("--network", default="resnet34")
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--settings", nargs="+", default=SETTINGS, choices=SETTINGS)
    p.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    return p.parse_args()


def start_pytorch(options, job, setting, environment):
    command = [options.python, str(ROOT / "bench/pytorch_network.py"), options.network, job, setting, "--serve", "--batch",
               str(options.batch), "--size", str(options.size), "--seconds", str(options.seconds), "--threads",
               str(options.threads)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def ask_pytorch(process):
    process.stdin.write("go\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        sys.exit("PyTorch ended without a result: see its message above")
    answer = json.loads(line)
    return answer["images_per_second"], answer["peak_megabytes"]


def ask_program(program, job, steps, environment):
    command = [program, "bench", "--json", "--only", "train" if job == "train" else "predict", "--steps", str(steps)]
    answer = json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout)
    return answer[JOBS[job]]["images_per_second"], answer["peak_megabytes"] * 1e6 / 2**20


def compare(options, job, program, environment):
    """All rounds of one job: {name: [(images/s, MiB), ...]}."""
    results = {name: [] for name in options.settings + ["hpanet"]}
    pytorch = {}
    for setting in options.settings:  # one after the other; a first window each: compilation and warm-up are not timed
        pytorch[setting] = start_pytorch(options, job, setting, environment)
        ask_pytorch(pytorch[setting])
    rate, _ = ask_program(program, job, 3, environment)
    steps = max(3, round(options.seconds * rate / options.batch))
    for number in range(options.rounds):
        for setting, process in pytorch.items():
            results[setting].append(ask_pytorch(process))
        results["hpanet"].append(ask_program(program, job, steps, environment))
        row = "  ".join(f"{name} {rows[-1][0]:.2f}" for name, rows in results.items())
        print(f"  {job} round {number + 1}: {row}", flush=True)
    for process in pytorch.values():
        process.stdin.close()
        process.wait()
    return results


def report(network, job, results):
    medians = {name: (statistics.median(r for r, _ in rows), max(m for _, m in rows)) for name, rows in results.items()}
    best = max((name for name in medians if name != "hpanet"), key=lambda name: medians[name][0])
    print(f"\n{network}, {job}: median of {len(results['hpanet'])} rounds")
    for name, (rate, memory) in medians.items():
        note = "  <- PyTorch's best" if name == best else ""
        print(f"  {name:24} {rate:8.2f} images/s  {memory:8.0f} MiB{note}")
    speed, memory = (medians["hpanet"][i] / medians[best][i] for i in (0, 1))
    print(f"  hpanet / PyTorch: {speed:.2f} times the images/s, {memory:.2f} times the peak memory\n", flush=True)


def main():
    options = parse()
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
    with tempfile.TemporaryDirectory() as folder:
        model = write_model(options.network, options.size, options.batch, folder)
        program = str(compile_model(options.hpacc, model, folder, ["--target", "cpu"], environment))
        for job in options.jobs:
            report(options.network, job, compare(options, job, program, environment))


main()
