#!/usr/bin/env bash
# The same input gives the same bits: sources, weights, predictions; and a prediction does not depend on its neighbours.
source "$(dirname "$0")/common.sh"

run "$make_images" published cells 64 21 128
run "$hpadata" pack "$hpa" cells --pixels 64 -o cells.pack
run "$hpadata" pack "$hpa" cells --pixels 64 --threads 3 -o again.pack
cmp cells.pack again.pack || fail "packing with other threads gives another pack"

run "$hpacc" "$here/staged.hpanet" --emit source -o one
run "$hpacc" "$here/staged.hpanet" --emit source -o two
diff -r one two || fail "compiling twice gives two programs"
compile "$here/staged.hpanet"

for out in one two; do run "$program" train --data cells.pack:train --out runs/$out --seed 7; done
run "$program" train --data cells.pack:train --out runs/other --seed 8
cmp runs/one/best.safetensors runs/two/best.safetensors || fail "training twice gives two networks"
! cmp -s runs/one/best.safetensors runs/other/best.safetensors || fail "another seed gives the same network"
run "$program" train --data cells:train --out runs/folder --seed 7
cmp runs/one/best.safetensors runs/folder/best.safetensors || fail "training from the folder gives another network"

# A stage's own batch is what the file's would be
batch_of() { # NAME SED-SCRIPT: the first stage alone, trained; its weights are NAME.safetensors
  mkdir "$1"
  cp "$here/halving.hpanet" "$1"
  sed -e '/^stage second/d' -e "$2" "$here/staged.hpanet" >"$1/own.hpanet"
  run "$hpacc" "$1/own.hpanet" --target cpu -o "$1/program"
  run "$1/program/own" train --data cells.pack:train --out "$1/run" --seed 7
  cp "$1/run/best.safetensors" "$1.safetensors"
}
batch_of file 's/^batch 16/batch 32/'
batch_of stage 's/^stage first *{/& batch 32;/'
batch_of other 's/^stage first/&/'
cmp file.safetensors stage.safetensors || fail "a stage's batch of 32 is not the file's"
! cmp -s file.safetensors other.safetensors || fail "a batch of 16 is one of 32"

predict() { # DATA NAME
  run "$program" predict --data "$1" --weights runs/one/best.safetensors -o "$2.csv" --probabilities "$2"
}
predict cells.pack:test packed
predict cells:test files
cmp packed files || fail "files predict otherwise than the pack"
predict cells.pack:test once_more
cmp packed once_more || fail "predicting twice differs"

# Each of three images alone, and all in another order
tail -n +2 cells/sample_submission.csv >rows
alone() { # NAME LINES: predicts the images of these lines of the order table
  rm -rf some
  mkdir -p some/test
  { echo Id,Predicted; cat; } >some/sample_submission.csv
  tail -n +2 some/sample_submission.csv | cut -d, -f1 | while read -r id; do ln cells/test/"${id}"_*.png some/test; done
  predict some:test "$1"
}
for line in 1 8 21; do sed -n ${line}p rows | alone "alone_$line"; done
tac rows | alone backwards
for found in alone_1 alone_8 alone_21 backwards; do
  awk -F, -v name="$found" 'FNR == 1 { next }
    NR == FNR { for (i = 2; i <= NF; i++) value[$1, i] = $i; next }
    { for (i = 2; i <= NF; i++) { off = $i - value[$1, i]; if (off < 0) off = -off; if (off > worst) worst = off } rows++ }
    END { printf "%s: %d rows, at most %g apart\n", name, rows, worst; exit !(rows > 0 && worst <= 1e-6) }' packed "$found" ||
    fail "a prediction depends on its neighbours"
done
