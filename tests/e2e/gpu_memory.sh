#!/usr/bin/env bash
# Memory of a program for a GPU: the plan keeps to --memory, the program allocates what was printed, and what does not fit is
# told before it starts. The GPU is the fake driver of tests/unit/cuda.
source "$(dirname "$0")/common.sh"

model=("$root/models/resnet50_baseline.hpanet" --size 64 --batch 32 --part 32 --target cuda --arch sm_90a)
number() { # PATTERN: the number before it on the line of the last command that begins with "memory:"
  sed -n "s/^memory:.* \([0-9.]*\) MB for $1.*/\1/p" "$said"
}
planned() { # FOLDER
  sed -n 's/.*\.memory_bytes = \([0-9]*\).*/\1/p' "$1/model.c"
}
on_gpu() { # BYTES COMMAND...: of the fake GPU; kernels do nothing, and cuDNN, where it is, finds no GPU
  HPANET_CUDA_LIBRARIES=$build/tests/unit/cuda/fake FAKE_GPU_KERNELS=none FAKE_GPU_MEMORY=$1 "${@:2}"
}

run "$hpacc" "${model[@]}" --memory 100GB --emit source -o kept
variables=$(number variables) kept=$(number tensors)

# The plan's peak is what is printed, and what the program allocates, but for a few numbers.
budget=$(awk "BEGIN { printf \"%.1f\", $variables + 0.85 * $kept }")
run "$hpacc" "${model[@]}" --memory "${budget}MB" -o again
says 'recompute: the backward pass computes values again'
peak=$(awk "BEGIN { print $(number variables) + $(number tensors) }") bytes=$(planned again)
is "$bytes <= $budget * 1000000 && $bytes >= ($peak - 0.11) * 1000000 && $bytes <= ($peak + 0.11) * 1000000"
program=again/resnet50_baseline
(FAKE_GPU_LOG=$PWD/calls on_gpu 4000000000 $program bench --only train >"$said" 2>&1 || true)
grep -qx "bytes $bytes" calls || fail "$bytes bytes are planned, and given are: $(grep '^bytes' calls | tr '\n' ' ')"
is "$(sed -n 's/^bytes //p' calls | awk '{ sum += $1 } END { print sum }') <= $bytes + 100000"

# What does not fit is told before anything is allocated.
refuse on_gpu $((bytes * 9 / 10)) $program bench --only train -- \
  "MB are free: parts of " " instead of 32 images should fit (--part "
refuse on_gpu 1000000 $program bench --only train -- "variables alone take $variables MB"
refuse "$hpacc" "${model[@]}" --memory 1MB --emit source -o no -- \
  "weights, gradients and the optimizer's state alone take $variables MB"

# A GPU's memory is not this machine's.
large=("$root/models/small.hpanet" --dataset "$hpa" --size 512 --batch 1024 --part 1024 --target cuda --arch sm_90a)
(
  ulimit -v 40000000
  run "$hpacc" "${large[@]}" --emit source -o large
  is "$(number tensors) > 41000"
  ! grep -q 'this machine has' "$said" || fail "hpacc compares a GPU's memory with this machine's"
)
