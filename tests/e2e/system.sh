#!/usr/bin/env bash
# NAME: a system of models/ on small images: compiles, trains two epochs of every stage from fresh weights, predicts.
source "$(dirname "$0")/common.sh"

name=$1
side=32
run "$hpadata" synth cells --demo --images 40 --test 7 --field 64 --seed 5
run "$hpadata" pack "$hpa" cells --pixels $side -o cells.pack
# Thousands of copies of forty images teach nothing and take hours.
sed 's/^\(oversample minority to\) 3000/\1 4/' "$root/models/$name.hpanet" >"$name.hpanet"
compile "$name.hpanet" --size $side --batch 4

# ---- without its file of weights it says what to do, and the folder stays free
if grep -q '^weights' "$name.hpanet"; then
  refuse "$program" train --data cells.pack:train --out run -- ".safetensors" "docs/weights.md" "--initial none"
fi

# ---- two epochs of every stage
two=() stages=0
while read -r scalar; do
  two+=(--set "$scalar=2")
  stages=$((stages + 1))
done < <("$program" info | grep -o 'stage\.[a-z]*\.epochs')
[ $stages -gt 0 ] || fail "info lists no epochs"
[ $stages -eq "$(grep -c '^stage' "$name.hpanet" || true)" ] || [ $stages -eq 1 ] || fail "$stages stages"
run "$program" train --data cells.pack:train --out run --initial none "${two[@]}"
epochs=$(grep -c '"kind":"epoch"' run/log.jsonl)
[ "$epochs" -eq $((2 * stages)) ] || fail "$epochs epochs of $stages stages"
number='"\(loss\|train_loss\)":[0-9.e+-]*[,}]'
[ "$(grep -c '"kind":"\(step\|epoch\)"' run/log.jsonl)" -eq "$(grep '"kind":"\(step\|epoch\)"' run/log.jsonl | grep -c "$number")" ] ||
  fail "a loss is not a number"

# ---- as many rows as were asked for, in their order, every probability between 0 and 1
run "$program" predict --data cells.pack:test --weights run/best.safetensors --probabilities probabilities.csv -o submission.csv
diff <(cut -d, -f1 cells/sample_submission.csv) <(cut -d, -f1 submission.csv) || fail "the rows are not those asked for"
diff <(cut -d, -f1 submission.csv) <(cut -d, -f1 probabilities.csv) || fail "the probabilities are of other rows"
tail -n +2 submission.csv | grep -vqE '^[^,]+,[0-9]+( [0-9]+)*$' && fail "a prediction is not a list of labels"
classes=28
awk -F, -v columns=$((classes + 1)) 'NR > 1 && NF != columns { exit 1 }
  NR > 1 { for (i = 2; i <= NF; i++) if ($i !~ /^[0-9.e+-]+$/ || $i < 0 || $i > 1) exit 1 }' probabilities.csv ||
  fail "a probability is not between 0 and 1"
echo "$name: $epochs epochs; loss $(grep '"kind":"step"' run/log.jsonl | sed -n '1p;$p' | sed 's/.*"loss":\([^,]*\).*/\1/' | paste -sd' ' | sed 's/ / to /')"
