#!/usr/bin/env bash
# A whole program on the emulated device: the model in hand/, built by build_emulated.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/hpanet-simt.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=1

fail() {
  echo "$0:${BASH_LINENO[0]}: $*" >&2
  cat said >&2
  exit 1
}

field() { # STEP NAME: a number of the traffic of a step
  grep "\"step\":$1," traffic | grep -o "\"$2\":[0-9.]*" | cut -d: -f2
}

says() { # PATTERN...
  local pattern
  for pattern in "$@"; do
    grep -qF -- "$pattern" said || fail "it does not say '$pattern'"
  done
}

"$here/build_emulated.sh" "$here/hand" hand >said 2>&1 || fail "it does not build"
[ ! -s said ] || fail "the compiler warns"

# Two runs to warm up, one timed, one by steps. Of a kernel: pixels, sample and gain; of the product: both operands and bias.
for order in forward reverse shuffled; do
  SIMT_ORDER=$order SIMT_TRAFFIC=traffic ./hand bench --only predict --steps 1 >said 2>&1 || fail "it does not run"
  says "predict: " "in 2 steps" "image: means" "head: linear"
  [ "$(grep -c . traffic)" -eq 2 ] || fail "the traffic of $order has not two lines"
  [ "$(field 0 runs) $(field 1 runs)" = "4 4" ] || fail "runs in $order: $(cat traffic)"
  [ "$(field 0 read)" -eq $((4 * (4 * 40 * 40 * 2 + 8 * 256 * 8 + 8 * 4))) ] || fail "read in $order: $(cat traffic)"
  [ "$(field 0 written) $(field 1 written)" = "$((4 * 4 * 2 * 2)) $((4 * 4 * 3 * 4))" ] || fail "written: $(cat traffic)"
  [ "$(field 0 read_once)" -eq $((4 * (4 * 40 * 40 * 2 + 4 * 8 + 4))) ] || fail "read once in $order: $(cat traffic)"
  [ "$(field 1 read)" -eq $((4 * (4 * 2 * 2 + 3 * 2 * 2 + 3 * 4))) ] || fail "read by the product: $(cat traffic)"
  grep -qF '"function":"predict","step":1,"layers":"head","work":"linear","runs":4,' traffic || fail "$(cat traffic)"
done

# refuse PATTERN...: the program ends with status 1 and says so
refuse() {
  local status=0
  ./hand bench --only predict --steps 1 >said 2>&1 || status=$?
  [ $status -eq 1 ] || fail "status $status"
  says "$@"
}
SIMT_ORDER=backward refuse 'SIMT_ORDER is forward, reverse or shuffled, not "backward"'

# planted NAME SED-SCRIPT FILE PATTERN...: the program with one line changed is refused
planted() {
  local script=$1 file=$2
  shift 2
  cp -r "$here/hand" changed
  sed -i "$script" "changed/$file"
  ! cmp -s "$here/hand/$file" "changed/$file" || fail "nothing was planted in $file"
  "$here/build_emulated.sh" changed hand >said 2>&1 || fail "it does not build"
  refuse "$@"
  rm -r changed
}
planted 's/thread < 1)/thread < 2)/' kernels.cu "kernel kernel_means, block (0,0,0), thread 1: writes offset 256 of" \
  "which thread 0 wrote, with no barrier between (image: means, hand.hpanet:5)"
planted 's/, 256, 0}/, 128, 0}/' functions.c "kernel kernel_means has blocks of 256 threads and the model says 128"
planted 's/context->memory + 384/context->memory + 360/' functions.c "head: the result and the scratchpad overlap"
planted 's/memory_bytes = 512/memory_bytes = 440/' model.c "head: the scratchpad (64 bytes at"
