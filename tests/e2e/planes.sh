#!/usr/bin/env bash
# Any data (b): images of 5 planes, 12 labels in a CSV by name. A data file of at most 10 lines, no C.
source "$(dirname "$0")/common.sh"

run "$make_images" planes screen 400 48
cat >screen.hpanet <<'END'
dataset screen {
  planes dna, er, rna, actin, mito
  file   "{id}_{plane}.png"
  range  0 to 255
  labels any of [ "dna disc", "er disc", "rna disc", "actin disc", "mito disc", "dna ring", "er ring", "rna ring",
                  "actin ring", "mito ring", "dna bar", "er bar" ]
  part all { folder "images"; table "labels.csv" id "well" labels "phenotype" split "|" }
}
END
[ "$(wc -l <screen.hpanet)" -le 10 ] || fail "the data file has more than 10 lines"

run "$hpadata" stats screen.hpanet screen
says "actin disc"
run "$hpadata" pack screen.hpanet screen --pixels 48 -o screen.pack
compile "$root/models/small.hpanet" --dataset screen.hpanet --size 48
run "$program" train --data screen.pack --out run
"$program" evaluate --data screen.pack --weights run/best.safetensors --json >scores.json
share=$(awk -F'[,|]' 'NR > 1 { labels += NF - 1 } END { print labels / 12 / (NR - 1) }' screen/labels.csv)
echo "macro average precision $(json macro_ap <scores.json); by chance it would be $share"
is "$(json macro_ap <scores.json) >= 3 * $share"

run "$program" predict --data screen.pack --weights run/best.safetensors --names -o submission.csv
cut -d, -f2 submission.csv | tail -n +2 | tr ';' '\n' | sort -u >predicted
tail -n +2 screen/labels.csv | cut -d, -f2 | tr '|' '\n' | sort -u >known
[ -z "$(comm -23 predicted known)" ] || fail "a predicted name is no class: $(comm -23 predicted known | head -n 3)"
[ "$(wc -l <predicted)" -ge 6 ] || fail "only $(wc -l <predicted) classes are ever predicted"

# Another data set's images do not fit the program, and the message says how.
run "$make_images" published cells 12 1 48
refuse "$program" predict --data cells --weights run/best.safetensors -o other.csv -- "cells" "'all'" "'images'"
run "$hpadata" pack "$hpa" cells --pixels 48 -o cells.pack
refuse "$program" predict --data cells.pack --weights run/best.safetensors -o other.csv -- "cells.pack" "'red'" "'dna'"
[ ! -e other.csv ] || fail "a submission came out of another data set"
