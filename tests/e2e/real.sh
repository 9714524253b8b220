#!/usr/bin/env bash
# Real images: one sample of 512 and one of 2048 pixels are read and predicted on; the real table of 31,072 rows is split.
source "$(dirname "$0")/common.sh"

real=${HPANET_REAL_DATA:-}
[ -n "$real" ] || skip "HPANET_REAL_DATA does not name a folder of real images"
samples=()
for id in 837e738c-bba8-11e8-b2ba-ac1f6b6435d0 5c27f04c-bb99-11e8-b2b9-ac1f6b6435d0; do
  for plane in red green blue yellow; do
    [ -r "$real/${id}_$plane.png" ] || fail "$real/${id}_$plane.png is missing"
  done
  samples+=("$id")
done

# ---- read and predicted on
run "$make_images" published cells 48 1 64
rm cells/test/*
{ echo Id,Predicted; for id in "${samples[@]}"; do echo "$id,0"; cp "$real/${id}"_*.png cells/test; done; } >cells/sample_submission.csv
run "$hpadata" check "$hpa" cells:test
compile "$here/staged.hpanet"
run "$program" train --data cells:train --out run --smoke
run "$program" predict --data cells:test --weights run/best.safetensors --names -o submission.csv --probabilities p.csv
diff <(cut -d, -f1 cells/sample_submission.csv) <(cut -d, -f1 submission.csv) || fail "the order is not the given one"
cat submission.csv
run "$hpadata" pack "$hpa" cells:test --pixels 64 -o cells.pack
run "$program" predict --data cells.pack --weights run/best.safetensors --names -o packed.csv --probabilities packed_p.csv
cmp p.csv packed_p.csv || fail "a pack predicts otherwise than the files"

# ---- the real table, split: every class's share within 1 % of the ideal or one image. Names of files stand for images.
table=$(dirname "$(realpath "$real")")/train.csv
[ -r "$table" ] || { echo "without $table the split is not tested"; exit 0; }
[ "$(tail -n +2 "$table" | grep -c .)" -eq 31072 ] || fail "$table has not 31,072 rows"
mkdir -p full/train
cp "$table" full/train.csv
first=$(sed -n '2{s/,.*//;p}' "$table")
"$make_images" grey "full/train/$first.png" 16
(cd full/train && tail -n +2 ../train.csv | cut -d, -f1 | tail -n +2 | sed 's/$/.png/' | xargs touch)
sed -e 's/planes .*/planes grey/' -e 's/file .*/file "{id}.png"/' -e '/part test/d' "$hpa" >full.hpanet
run "$hpadata" split full.hpanet full -o split.csv
tail -n 30 "$said"
awk -F, 'FNR == 1 { next }
  NR == FNR { part[$1] = $2; next }
  { if (!($1 in part)) { print "not split: " $1; bad = 1 }
    count = split($2, labels, " ")
    for (i = 1; i <= count; i++) { all[labels[i]]++; found[labels[i], part[$1]]++ } }
  END {
    ideal["train"] = 0.8; ideal["validation"] = 0.1; ideal["test"] = 0.1
    for (label in all) for (p in ideal) {
      off = found[label, p] - all[label] * ideal[p]; if (off < 0) off = -off
      if (off > 1 && off > 0.01 * all[label]) { printf "class %s in %s: %d, ideal %.1f\n", label, p, found[label, p], all[label] * ideal[p]; bad = 1 }
    }
    exit bad }' split.csv "$table" || fail "the split is not within 1 % or one image"
