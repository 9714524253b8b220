#!/usr/bin/env python3
"""A model tuned and untuned, side by side in one run, with the untuned program against itself as the measure of noise.

usage: tune.py MODEL.hpanet [--hpacc build/compiler/hpacc] [--size 224] [--batch 16] [--rounds 7] [--seconds 3] [--threads 2]
       [--jobs train predict] [--choices FILE]

Every round runs the untuned program, the tuned one, and the untuned one again, for --seconds each. Prints the medians, the
median over the rounds of tuned / untuned and of untuned / untuned (A/A), and what was chosen otherwise. --choices compares
with a choice file instead of tuning.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = {"train": "training", "predict": "prediction"}


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--hpacc", default=str(ROOT / "build/compiler/hpacc"))
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    p.add_argument("--choices")
    return p.parse_args()


def compile_model(options, folder, how, environment):
    subprocess.run([options.hpacc, options.model, "--target", "cpu", "--size", str(options.size), "--batch",
                    str(options.batch), "-o", str(folder), *how], env=environment, check=True)
    return folder / pathlib.Path(options.model).stem


def print_choices(untuned, tuned):
    usual, chosen = (json.loads((folder / "choices.json").read_text())["products"] for folder in (untuned, tuned))
    for product in sorted(usual):
        a, b = usual[product]["choice"], chosen[product]["choice"]
        if a != b:
            times = chosen[product].get("candidates", {})
            print("  " + ", ".join([product] + [f"{name} {times[name]['microseconds'] / 1e3:.2f} ms" if name in times
                                                else name for name in (a, b)]))


def ask(program, job, steps, environment):
    command = [str(program), "bench", "--json", "--only", job, "--steps", str(steps)]
    answer = json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout)
    return answer[JOBS[job]]["images_per_second"], answer["peak_megabytes"]


def compare(options, job, programs, environment):
    """Rows of ((images/s, MB) untuned, tuned, untuned again)."""
    rate, _ = ask(programs[0], job, 2, environment)
    steps = max(3, round(options.seconds * rate / options.batch))
    return [[ask(programs[i], job, steps, environment) for i in (0, 1, 0)] for _ in range(options.rounds)]


def report(job, rows):
    names = ("untuned", "tuned", "untuned again")
    for i, name in enumerate(names):
        print(f"  {job} {name:14} {statistics.median(row[i][0] for row in rows):8.2f} images/s  "
              f"{max(row[i][1] for row in rows):8.0f} MB")
    gains = [2 * row[1][0] / (row[0][0] + row[2][0]) for row in rows]
    noise = [row[2][0] / row[0][0] for row in rows]
    print(f"  {job} tuned / untuned {statistics.median(gains):.3f} ({min(gains):.3f} to {max(gains):.3f}), "
          f"A/A {statistics.median(noise):.3f} ({min(noise):.3f} to {max(noise):.3f})\n", flush=True)


def main():
    options = parse()
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
    with tempfile.TemporaryDirectory() as folder:
        folders = pathlib.Path(folder) / "untuned", pathlib.Path(folder) / "tuned"
        how = ["--choices", options.choices] if options.choices else ["--tune"]
        programs = [compile_model(options, folders[0], [], environment),
                    compile_model(options, folders[1], how, environment)]
        print_choices(*folders)
        for job in options.jobs:
            report(job, compare(options, job, programs, environment))


main()
