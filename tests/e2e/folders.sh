#!/usr/bin/env bash
# Any data (a): a folder per class, RGB, one of 12 classes. A data file of at most 10 lines, no C.
source "$(dirname "$0")/common.sh"

run "$make_images" classes textures 40 48
cat >textures.hpanet <<'END'
dataset textures {
  planes red, green, blue
  file   "{id}.png"
  range  0 to 255
  labels one of [ "red-stripes", "red-checks", "red-discs", "red-rings", "green-stripes", "green-checks",
                  "green-discs", "green-rings", "blue-stripes", "blue-checks", "blue-discs", "blue-rings" ]
  part train { folder "train"; labels from folders }
}
END
[ "$(wc -l <textures.hpanet)" -le 10 ] || fail "the data file has more than 10 lines"

run "$hpadata" check textures.hpanet textures
run "$hpadata" pack textures.hpanet textures --pixels 48 -o textures.pack
compile "$root/models/small.hpanet" --dataset textures.hpanet --size 48
run "$program" train --data textures.pack --out run
says accuracy
"$program" evaluate --data textures.pack --weights run/best.safetensors --json >scores.json
accuracy=$(json accuracy <scores.json)
echo "accuracy $accuracy; by chance it would be 0.083"
is "$accuracy >= 0.8"
grep -q '<h2>Confusion</h2>' run/report.html || fail "the report has no confusion matrix"
grep -q 'test accuracy' run/report.html || fail "the report does not say the accuracy"

# The prediction is the folder's name, and as often right as `evaluate` says.
run "$program" predict --data textures.pack --weights run/best.safetensors -o submission.csv
right=$(awk -F, 'NR > 1 { split($1, id, "/"); right += id[1] == $2 } END { print right / (NR - 1) }' submission.csv)
is "$right - $accuracy < 1e-6 && $accuracy - $right < 1e-6"

# A folder that is no class, and an image beside the folders.
mv textures/train/red-rings textures/train/red-ring
cp textures/train/red-discs/000.png textures/train/000.png
refuse "$hpadata" check textures.hpanet textures -- "red-ring" "did you mean 'red-rings'" "textures/train/000.png"
