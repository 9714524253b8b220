#!/usr/bin/env bash
# It learns: 32 images by heart, nothing from shuffled labels, and Ids that are not the images' are refused.
source "$(dirname "$0")/common.sh"

# ---- 32 images by heart, in at most 200 steps
run "$hpadata" synth cells --demo --images 32 --test 1 --field 64 --seed 3
compile "$here/overfit.hpanet"
run "$program" train --data cells:train --out by_heart
[ "$(grep -c '"kind":"step"' by_heart/log.jsonl)" -le 200 ] || fail "more than 200 steps"
loss=$(grep '"kind":"step"' by_heart/log.jsonl | tail -n 1 | grep -o '"loss":[^,]*' | cut -d: -f2)
is "$loss <= 0.01"
"$program" evaluate --data cells:train --weights by_heart/best.safetensors --json >scores.json
echo "by heart: loss $loss, as a predictor $(json loss <scores.json), sample F1 $(json sample_f1 <scores.json)"
is "$(json loss <scores.json) <= 0.01"
is "$(json sample_f1 <scores.json) == 1"

# ---- Ids that are not those of the files
cp cells/train.csv good.csv
{ head -n 1 good.csv; tail -n +2 good.csv | sed 's/^\(.\)\([^,]*\)/\2\1/'; } >cells/train.csv
refuse "$program" train --data cells:train --out mixed_up -- "cells/train.csv:2" "has a row but no file"
[ ! -e mixed_up/best.safetensors ] || fail "a run came out of Ids without images"

# ---- labels that belong to other images teach nothing. A random order of n images has an average precision of about
# share + (ln n - 0.4) / n, here 0.02 above the share, and over 12 classes it varies by about 0.01.
run "$make_images" planes screen 600 48
run "$hpadata" scan screen -o screen.hpanet
compile "$here/half.hpanet" --dataset screen.hpanet
share=$(awk -F'[,|]' 'NR > 1 { labels += NF - 1 } END { print labels / 12 / (NR - 1) }' screen/labels.csv)
run "$program" train --data screen --out right
paste -d, <(tail -n +2 screen/labels.csv | cut -d, -f1) \
  <(tail -n +2 screen/labels.csv | cut -d, -f2 | shuf --random-source=<(yes)) | sed '1i well,phenotype' >shuffled.csv
mv shuffled.csv screen/labels.csv
run "$program" train --data screen --out wrong
echo "average precision: $(last_epoch right macro_ap); with shuffled labels $(last_epoch wrong macro_ap), their share is $share"
is "$(last_epoch right macro_ap) >= $share + 0.4"
is "$(last_epoch wrong macro_ap) <= $share + 0.06"
is "$(last_epoch wrong macro_ap) >= $share - 0.04"
