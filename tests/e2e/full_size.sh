#!/usr/bin/env bash
# Any data (c): 2048-pixel images in the published form: scan, pack, train, predict by name.
source "$(dirname "$0")/common.sh"

run "$make_images" published cells 48 8 2048
run "$hpadata" scan cells -o cells.hpanet
# The table has numbers, so the classes' names are for a person to write. That is the only line to touch.
names='"r disc", "g disc", "b disc", "y disc", "r ring", "g ring", "b ring", "y ring", "r bar", "g bar", "b bar", "y bar"'
sed -n '/labels/,/\]/p' cells.hpanet | grep -q '"class 11"' || fail "scan did not find 12 classes"
sed -i -e "/labels any of/i \\  labels any of [ $names ]" -e '/labels any of/,/\]/d' cells.hpanet
cat cells.hpanet
[ "$(grep -cvE '^ *(#|$)' cells.hpanet)" -le 10 ] || fail "the data file has more than 10 lines"

run "$hpadata" check cells.hpanet cells
run "$hpadata" pack cells.hpanet cells --pixels 64 -o cells.pack
compile "$root/models/small.hpanet" --dataset cells.hpanet --size 64 --batch 8
run "$program" train --data cells.pack:train --out run
run "$program" predict --data cells.pack:test --weights run/best.safetensors --names -o submission.csv
diff <(cut -d, -f1 cells/sample_submission.csv) <(cut -d, -f1 submission.csv) || fail "the order is not the given one"
tail -n +2 submission.csv | grep -vqE ',([rgby] (disc|ring|bar);?)+$' && fail "a prediction is not made of class names"
head -n 3 submission.csv
