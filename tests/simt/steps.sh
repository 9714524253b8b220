#!/usr/bin/env bash
# MODEL UPDATE SIZE BATCH STEPS ORDER...: steps of a shipped model's CUDA program on the emulated device against its CPU
# program, with the hp_main of steps.c instead of the runtime's. UPDATE is sgd, or smooth for the same without kinks (softplus for
# relu, average pooling for maximum pooling), or recipe for what the model itself says, whose update has the tape's gradients.
# Every order of threads gives the same bits. Tapes are pipes: they have all weights of all steps.
source "$(dirname "$0")/../e2e/common.sh"

name=$1 update=$2 size=$3 batch=$4 steps=$5 seed=1
orders=("${@:6}")
export HPANET_BUILD=$build
export CC="${CC:-cc} -L$build/tests/simt -Wl,--undefined=hp_main -lsteps"

cp -r "$root"/models/* .
sed -i "s/^batch .*/batch $batch/" "$name.hpanet"
sgd() { # RATE
  sed -i -e 's/^optimizer = .*/optimizer = sgd(momentum = 0.9)/' -e "/^lr = /s/1e-[345]/$1/g" "$name.hpanet"
}
case $update in
  sgd) check=check; sgd 1e-3 ;;
  smooth)
    check=check-smooth
    sgd 1e-1
    find . -name '*.hpanet' -exec sed -i -e 's/\brelu(/softplus(/g' -e 's/\bmax_pool(/average_pool(/g' {} + ;;
  recipe) check=check-functions ;;
esac
compile "$name.hpanet" --size "$size"
run "$hpacc" "$name.hpanet" --size "$size" --target cuda --precision fp32 --emit source -o cuda
run "$root/tests/simt/build_emulated.sh" cuda emulated

mkfifo tape "${orders[@]/#/tape.}"
for order in "${orders[@]}"; do
  SIMT_ORDER=$order SIMT_TRAFFIC=$order.traffic ./emulated $check "tape.$order" "$steps" "$seed" >"$order.txt" 2>&1 &
done
tee "${orders[@]/#/tape.}" <tape >/dev/null &
"$program" record tape "$steps" "$seed" >record.txt 2>&1 &
status=0
processes=$(jobs -p)
for _ in $processes; do # without the one that ended the others would wait for it
  wait -n || { status=$?; kill $processes 2>/dev/null || true; }
done
cat record.txt "${orders[@]/%/.txt}" | tee "$said"
[ $status -eq 0 ] || fail "$name: a program ended with status $status"
[ "$(cat "${orders[@]/%/.txt}" | grep -c '^digest ')" -eq ${#orders[@]} ] || fail "$name: not all orders were compared"
[ "$(cat "${orders[@]/%/.txt}" | grep '^digest ' | sort -u | wc -l)" -eq 1 ] || fail "$name: orders of threads differ"

# What the model says its steps move, each operand once, is what was counted.
sed 's/.*"runs"://' "${orders[0]}.traffic" | awk -F '[:,}]' '
  { said += $1 * $11; counted += $7 + $9 }
  END { printf "traffic: %.1f MB counted, %.1f MB said\n", counted / 1e6, said / 1e6
        exit !(said > 0 && counted < 1.01 * said && counted > 0.99 * said) }' || fail "$name: traffic is more than 1 % off"
