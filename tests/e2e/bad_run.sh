#!/usr/bin/env bash
# What can go wrong in a run: each ends with a clear message and a status other than 0, and nothing is lost.
source "$(dirname "$0")/common.sh"

run "$make_images" published cells 48 2 64
run "$hpadata" pack "$hpa" cells --pixels 64 -o cells.pack

# ---- no C compiler
refuse env CC=no-such-cc "$hpacc" "$here/staged.hpanet" -o generated/staged -- "no-such-cc" "apt install gcc"
mkdir empty
refuse env -u CC PATH="$work/empty" "$hpacc" "$here/staged.hpanet" -o generated/staged -- "C compiler" "apt install gcc"

compile "$here/staged.hpanet"
staged=$program
run "$staged" train --data cells.pack:train --out whole --seed 2

# ---- weights of another shape: both shapes, both sources
sed 's/\[16, 32, 32\]/[16, 48, 32]/' "$here/staged.hpanet" >wider.hpanet
cp "$here/halving.hpanet" .
compile wider.hpanet
refuse "$program" predict --data cells.pack:test --weights whole/best.safetensors -o out.csv -- \
  "whole/best.safetensors" "body.1.conv.weight" "[32, 16, 3, 3]" "[48, 16, 3, 3]"
[ ! -e out.csv ] || fail "a submission came out of weights that do not fit"
refuse "$program" train --data cells.pack:train --out wider --weights whole/best.safetensors -- "[32, 16, 3, 3]" "[48, 16, 3, 3]"
head -c 3000 whole/best.safetensors >torn.safetensors
refuse "$staged" predict --data cells.pack:test --weights torn.safetensors -o out.csv -- "torn.safetensors"
refuse "$staged" predict --data cells.pack:test --weights nothing.safetensors -o out.csv -- "nothing.safetensors" "No such file"

# ---- the loss is not a number: the checkpoint before stays, and the advice works
sed -e 's/"halving.hpanet"/"backbones\/cnn.hpanet"/' -e 's/halvings(/cnn(/' "$here/staged.hpanet" >plain.hpanet # no batch norm
compile plain.hpanet
refuse "$program" train --data cells.pack:train --out hot --set stage.second.lr.top=1e30 --set stage.second.lr.bottom=1e30 -- \
  "not a finite number at step 8 (stage second, epoch 1)" "last.safetensors of step 6 is kept" \
  "train --data cells.pack:train --out hot --resume --set stage.second.lr.bottom=1e+29 --set stage.second.lr.top=1e+29"
[ -s hot/best.safetensors ] || fail "the best weights of the stage before are gone"
run "$program" train --data cells.pack:train --out hot --resume --set stage.second.lr.top=1e-3 --set stage.second.lr.bottom=1e-4
says "goes on after step 6"
says "best: second"

# ---- Ctrl-C: the step is finished and saved; going on gives the same bits
interrupt() { # OUT OPTIONS SIGNAL STATUS: trains and sends the signal after five steps
  local process left=2000 status=0
  # shellcheck disable=SC2086
  "$staged" train --data cells.pack:train --out "$1" $2 >"$said" 2>&1 &
  process=$!
  until grep -qs '"step":5' "$1/log.jsonl" || [ $((left--)) -eq 0 ]; do sleep 0.003; done
  kill -"$3" $process
  wait $process 2>/dev/null || status=$?
  [ $status -eq "$4" ] || fail "signal $3 ended the run with status $status, not $4"
}
interrupt stopped "--seed 2" INT 130
says "and saved"
says "train --data cells.pack:train --out stopped --resume"
run "$staged" train --data cells.pack:train --out stopped --resume
cmp whole/best.safetensors stopped/best.safetensors || fail "a stopped run ends otherwise"

# ---- the disk is full. A limit on the size of a file stands for the disk.
full_disk() { # OUT [OPTION...]: trains where half of a file of weights has room
  local status=0
  (
    trap '' XFSZ
    ulimit -f $(($(stat -c %s whole/best.safetensors) / 2048))
    exec "$staged" train --data cells.pack:train --out "$@"
  ) >"$said" 2>&1 || status=$?
  [ $status -eq 1 ] || fail "a full disk ended with status $status, not 1"
}
full_disk full --seed 2
says "cannot save full/best.safetensors: File too large"
[ -z "$(find full -name '*.safetensors*')" ] || fail "a torn file stays: $(find full -name '*.safetensors*')"

# Full in the middle of a run: the checkpoint before stays, and goes on when there is room again.
interrupt later "--seed 2 --save-every 0" KILL 137
cp later/last.safetensors kept
full_disk later --save-every 0 --resume
says "cannot save later/"
says "File too large"
says "is untouched"
says "train --data cells.pack:train --out later --resume"
cmp later/last.safetensors kept || fail "the checkpoint was lost"
run "$staged" train --data cells.pack:train --out later --resume
cmp whole/best.safetensors later/best.safetensors || fail "a run whose disk was full ends otherwise"

# ---- an output folder that cannot be written
mkdir locked
chmod 555 locked
as_user=()
if [ "$(id -u)" -eq 0 ]; then # for root nothing is read-only
  as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  chmod 755 "$work"
fi
refuse "${as_user[@]}" "$staged" train --data cells.pack:train --out locked -- "locked/" "Permission denied"
refuse "${as_user[@]}" "$staged" train --data cells.pack:train --out locked/run -- "locked/run" "Permission denied"
refuse "${as_user[@]}" "$staged" predict --data cells.pack:test --weights whole/best.safetensors -o locked/out.csv -- \
  "locked/out.csv" "Permission denied"
[ -z "$(ls -A locked)" ] || fail "something was written into a locked folder"

# ---- words that are not options
refuse "$staged" train --dta cells.pack -- "--dta" "did you mean --data"
refuse "$staged" trian -- "did you mean \`train\`"
refuse "$staged" train --data cells.pack:train --out x --set loss.gama=1 -- "loss.gama" "did you mean \"loss.gamma\""
refuse "$staged" predict --data cells.pack --weights whole/best.safetensors -o x.csv -- "several parts" "cells.pack:test"
