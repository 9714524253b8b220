#!/usr/bin/env bash
# PRECISION BOUND: training steps of a small model in 16 bits on the emulated device. Every order of threads gives the same bits;
# losses, logits and weights are within BOUND of the CPU program's, which has fp32, of the same weights and images.
source "$(dirname "$0")/../e2e/common.sh"

precision=$1 bound=$2 steps=4 seed=1
orders=(forward reverse shuffled)
export HPANET_BUILD=$build
export CC="${CC:-cc} -L$build/tests/simt -Wl,--undefined=hp_main -lsteps"

sed '/^stage head /d' "$root/tests/emit/tiny.hpanet" >tiny.hpanet # the stage that trains everything is left
echo 'clip 0.1' >>tiny.hpanet
compile tiny.hpanet
run "$hpacc" tiny.hpanet --target cuda --precision "$precision" --emit source -o cuda
run "$root/tests/simt/build_emulated.sh" cuda emulated
run "$program" record tape "$steps" "$seed"
for order in "${orders[@]}"; do
  # bounds of fp32 do not hold here: its status says nothing
  SIMT_ORDER=$order ./emulated check tape "$steps" "$seed" >"$order.txt" 2>&1 || grep -q '^digest ' "$order.txt" ||
    { cp "$order.txt" "$said"; fail "$precision, $order: the program did not end"; }
done
cat "${orders[@]/%/.txt}" | tee "$said"
[ "$(grep -h '^digest ' "${orders[@]/%/.txt}" | sort -u | wc -l)" -eq 1 ] || fail "orders of threads differ"
for kind in losses logits parameters; do
  off=$(sed -n "s/^$kind .*off by at most \([^ ]*\) .*/\1/p" forward.txt)
  is "${off:-1} <= $bound"
done
