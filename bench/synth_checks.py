#!/usr/bin/env python3
"""Can the labels of a synthetic data set be told without looking at it?

usage: synth_checks.py FOLDER [train|test]

Per class, a logistic regression on 16 global intensity features (mean, deviation, 99th percentile and share of zeros of each
plane), cross-validated by antibody so that no two fields of one antibody are on both sides, scored by average precision and
shown as a multiple of the class' prevalence: 1.0 is chance. A second column leaves the green plane out: what is left must
tell nothing. Classes 16 and 17 need a dividing cell, which every plane shows; they are excepted, and the images that have
them are left out when the other classes are scored, whose label would be told by its company.

A set for it:  hpadata synth FOLDER --images 10 --test 4000
Needs numpy, scikit-learn and pillow; not part of ./check.
"""
import csv
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

PLANES = ["red", "green", "blue", "yellow"]
CLASSES = 28
NEEDS_DIVISION = (16, 17)
LIMIT = 1.5


def read_table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def features(folder, part, name):
    row = []
    for plane in PLANES:
        pixels = np.asarray(Image.open(folder / part / f"{name}_{plane}.png"), dtype=np.float32)
        row += [pixels.mean(), pixels.std(), np.percentile(pixels, 99), (pixels == 0).mean()]
    return row


def held_out_scores(values, truth, groups):
    scores = np.zeros(truth.shape)
    for train, test in GroupKFold(5).split(values, truth, groups):
        scaler = StandardScaler().fit(values[train])
        for label in range(CLASSES):
            if not 0 < truth[train, label].sum() < len(train):
                continue
            model = LogisticRegression(C=1.0, max_iter=500).fit(scaler.transform(values[train]), truth[train, label])
            scores[test, label] = model.decision_function(scaler.transform(values[test]))
    return scores


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder, part = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else "test"
    rows = read_table(folder / ("train.csv" if part == "train" else "test_labels.csv"))
    antibody = {row["Id"]: row["Antibody"] for row in read_table(folder / "groups.csv")}
    truth = np.zeros((len(rows), CLASSES), int)
    for i, row in enumerate(rows):
        truth[i, [int(label) for label in row["Target"].split()]] = 1
    groups = [antibody[row["Id"]] for row in rows]
    values = np.array([features(folder, part, row["Id"]) for row in rows])
    values = np.log1p(values)
    without_green = np.delete(values, range(4, 8), axis=1)

    warnings.filterwarnings("ignore")
    full, blanked = held_out_scores(values, truth, groups), held_out_scores(without_green, truth, groups)
    print(f"{len(rows)} images of {len(set(groups))} antibodies; zeros per plane "
          + " ".join(f"{np.expm1(values[:, 4 * p + 3]).mean():.2f}" for p in range(4)) + ", mean "
          + " ".join(f"{np.expm1(values[:, 4 * p]).mean():.1f}" for p in range(4)))
    print("class  positives  prevalence  16 features  green blanked   (average precision / prevalence)")
    divides = truth[:, NEEDS_DIVISION].any(axis=1)
    over, lifts = 0, []
    for label in range(CLASSES):
        positives = truth[~divides, label].sum() if label not in NEEDS_DIVISION else truth[:, label].sum()
        if positives < 10:
            print(f"{label:5d}  {positives:9d}  too few")
            continue
        used = slice(None) if label in NEEDS_DIVISION else ~divides
        prevalence = truth[used, label].mean()
        lift = average_precision_score(truth[used, label], full[used, label]) / prevalence
        blank = average_precision_score(truth[used, label], blanked[used, label]) / prevalence
        bad = label not in NEEDS_DIVISION and max(lift, blank) > LIMIT
        over += bad
        lifts.append(lift)
        print(f"{label:5d}  {positives:9d}  {prevalence:10.4f}  {lift:11.2f}  {blank:13.2f}{'   above the limit' if bad else ''}")
    print(f"mean {np.mean(lifts):.2f} times prevalence; {over} of {len(lifts)} classes above {LIMIT}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
