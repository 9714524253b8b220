#!/usr/bin/env bash
# bench/gpu without a GPU and without PyTorch: it prepares, runs programs that were carried elsewhere, takes turns with a
# stand-in for PyTorch, and does not ask again for what it has written down.
source "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "python3 is not here"

export HPANET_BUILD=$build OUT=$work/results
bench() { # PYTHON: one point of a small network
  run python3 "$root/bench/gpu" --only resnet18 --device cpu --size 32 --batches 2 --jobs infer --steps 1 --rounds 2 \
    --settings channels_last --python "$1"
}
rows() { # SIDE: how many the results have
  grep -c "\"side\": \"$1\"" "$OUT"/*-gpu-resnet18.json || true
}

cat >none <<'PROGRAM'
#!/bin/sh
echo "ModuleNotFoundError: No module named 'torch'" >&2
exit 1
PROGRAM
cat >some <<'PROGRAM'
#!/bin/sh
[ "$1" = -c ] && { echo '{"torch": "1.0", "cudnn": 9, "gpu": ""}'; exit; }
while read -r line; do
  echo "$line" >>asked
  echo '{"images_per_second": 7.5, "peak_megabytes": 10}'
done
PROGRAM
chmod +x none some

bench "$work/none"
says "PyTorch is not measured: $work/none says ModuleNotFoundError: No module named 'torch'"
says "resnet18 infer fp32 32 px batch 2: hpanet "
[ "$(rows hpanet) $(rows pytorch)" = "1 0" ] || fail "the results are not hpanet's alone"

bench "$work/some"
says "  PyTorch channels_last 7.5 images/s, 10 MiB"
says "  hpanet / PyTorch: "
[ "$(wc -l <asked)" -eq 3 ] || fail "PyTorch was asked $(wc -l <asked) times, not for a warm-up and two rounds"
[ "$(rows hpanet) $(rows pytorch)" = "1 1" ] || fail "the results are not one row a side"

bench "$work/some"
says "  PyTorch channels_last 7.5 images/s, 10 MiB"
[ "$(wc -l <asked)" -eq 3 ] || fail "PyTorch was asked for what is known"
