#!/usr/bin/env bash
# What can be wrong with a user's images and tables: each is refused, with the file and the reason, by the data tool and by a
# trainer that reads the folder, and what was there before stays.
source "$(dirname "$0")/common.sh"

run "$make_images" published good 24 4 64
compile "$here/staged.hpanet"
run "$hpadata" pack "$hpa" good --pixels 64 -o cells.pack
cp cells.pack before.pack
run "$hpadata" check "$hpa" good
says "28 images, all good"

# A fresh copy of the data set, to be damaged
fresh() {
  rm -rf bad
  cp -r good bad
}

# damaged PATTERN...: `check`, `pack` and `train` all refuse bad/ and say so
damaged() {
  refuse "$hpadata" check "$hpa" bad -- "$@"
  refuse "$hpadata" pack "$hpa" bad --pixels 64 -o cells.pack -- "$@"
  cmp cells.pack before.pack || fail "a refused pack has changed the one that was there"
  refuse "$program" train --data bad:train --out run -- "$@"
  [ ! -e run/best.safetensors ] || fail "weights came out of damaged data"
  rm -rf run
}

# row PATTERN...: gives the row of image train0003 these labels
row() { sed -i "s/^train0003,.*/train0003,$1/" bad/train.csv; }

# ---- images
fresh; rm bad/train/train0003_green.png
damaged "bad/train/train0003_green.png" "is missing"

fresh; head -c 900 good/train/train0003_blue.png >bad/train/train0003_blue.png
damaged "bad/train/train0003_blue.png"

fresh; : >bad/train/train0003_blue.png
damaged "bad/train/train0003_blue.png" "empty"

fresh; printf '\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00' >bad/train/train0003_red.png
damaged "bad/train/train0003_red.png" "JPEG"

fresh; "$make_images" grey bad/train/train0003_red.png 64 16
damaged "bad/train/train0003_red.png" "16"

fresh; "$make_images" colour bad/train/train0003_red.png 64
damaged "bad/train/train0003_red.png" "RGB"

fresh; "$make_images" grey bad/train/train0003_red.png 48
damaged "bad/train/train0003_red.png" "48" "64"

fresh; cp good/train/train0004_red.png bad/train/train0099_red.png
for plane in green blue yellow; do cp good/train/train0004_$plane.png bad/train/train0099_$plane.png; done
damaged "bad/train/train0099_" "no row" "train.csv"

# ---- tables
fresh; row ""
damaged "bad/train.csv:5" "empty"

fresh; row "3 nucleus"
damaged "bad/train.csv:5" "nucleus"

fresh; row "3 28"
damaged "bad/train.csv:5" "28" "27"

fresh; row "-1"
damaged "bad/train.csv:5" "-1"

fresh; row "3 3"
damaged "bad/train.csv:5" "twice"

fresh; sed -n 2p good/train.csv >>bad/train.csv
damaged "bad/train.csv:26" "train0000" "second time"

fresh; echo "train7777,3" >>bad/train.csv
damaged "bad/train.csv:26" "train7777" "no file"

fresh; sed -i '1s/Target/Labels/' bad/train.csv
damaged "bad/train.csv:1" "'Target'" "Labels"

fresh; rm bad/train.csv
damaged "bad/train.csv"

# ---- CRLF and a byte order mark are fine
fresh; { printf '\xef\xbb\xbf'; sed 's/$/\r/' good/train.csv; } >bad/train.csv
run "$hpadata" pack "$hpa" bad --pixels 64 -o windows.pack
cmp windows.pack before.pack || fail "a table from Windows makes another pack"

# ---- several mistakes are named together, one by one
fresh; rm bad/train/train0001_red.png bad/train/train0002_green.png; : >bad/train/train0005_red.png
refuse "$hpadata" check "$hpa" bad -- train0001_red.png train0002_green.png train0005_red.png "3 problems"

# ---- a pack that is not one, is damaged, or too small
head -c 5000 before.pack >short.pack
refuse "$program" train --data short.pack --out run -- "short.pack"
cp good/train/train0000_red.png image.pack
refuse "$program" train --data image.pack --out run -- "image.pack"
run "$hpadata" pack "$hpa" good --pixels 32 -o small.pack
refuse "$program" train --data small.pack --out run -- "small.pack" "32" "64"
refuse "$program" train --data nowhere.pack --out run -- "nowhere.pack" "is not there"
refuse "$program" train --data cells.pack:trian --out run -- "trian" "did you mean"
