#!/usr/bin/env bash
# Makes build/gpu/programs.tar.gz, all that run.sh wants on a machine that has a GPU and little else: programs for the CPU and
# for CUDA, the libraries they link (glibc aside), a small pack. Needs no GPU. HPANET_BUILD names another build than build/,
# HPANET_GPU_ARCH other GPUs than sm_90a. What is newer than hpacc is not made again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath "$here/../..")
build=${HPANET_BUILD:-$root/build}
arch=${HPANET_GPU_ARCH:-sm_90a}
hpacc=$build/compiler/hpacc
folder=$build/gpu/programs
mkdir -p "$folder"
cd "$build/gpu"
for needed in "$hpacc" "$build/runtime/hpadata/hpadata" "$build/tests/e2e/make_images" "$build/tests/simt/libsteps.a"; do
  [ -e "$needed" ] || { echo "$needed is missing: build first" >&2; exit 1; }
done

compiler="${CC:-cc} -s -Wl,--disable-new-dtags,-rpath,\$ORIGIN/lib"

make_program() { # NAME MODEL [OPTION...]: NAME in the folder; MODEL is a path in the tree, which programs show
  local name=$1 model=$2
  shift 2
  [ "$folder/$name" -nt "$hpacc" ] && return
  echo "$name"
  (cd "$root" && CC=$compiler "$hpacc" "$model" --dataset models/data/hpa.hpanet "$@" -o "$build/gpu/sources") >"$name.log" 2>&1 ||
    { cat "$name.log" >&2; exit 1; }
  mv "sources/$(basename "$model" .hpanet)" "$folder/$name"
  rm -r sources "$name.log"
}

# Steps from the CPU program's weights, with the hp_main of tests/simt/steps.c.
make_steps() { # NAME SIZE BATCH
  local name=$1 size=$2 batch=$3 compiler="$compiler -L$build/tests/simt -Wl,--undefined=hp_main -lsteps"
  local model
  model=$(realpath --relative-to="$root" "$name.hpanet")
  sed -e "s/^batch .*/batch $batch/" -e 's/^optimizer = .*/optimizer = sgd(momentum = 0.9)/' -e '/^lr = /s/1e-[345]/1e-1/g' \
    "$root/models/$name.hpanet" >"$name.hpanet"
  make_program "steps-$name-cpu" "$model" --target cpu --portable --size "$size"
  make_program "steps-$name-fp32" "$model" --target cuda --arch "$arch" --precision fp32 --size "$size"
  rm "$name.hpanet"
}
make_steps resnet34_baseline 64 4
make_steps densenet121 64 4
make_steps vgg16_keras 32 "8 in parts of 4"

# One network in all precisions, for what they predict; a small one for what takes long.
make_program accuracy-cpu models/resnet34_baseline.hpanet --target cpu --portable --size 64 --batch 16
for precision in fp32 tf32 bf16 fp16; do
  make_program "accuracy-$precision" models/resnet34_baseline.hpanet --target cuda --arch "$arch" --precision $precision \
    --size 64 --batch 16
done
make_program small-bf16 models/small.hpanet --target cuda --arch "$arch" --precision bf16 --size 32 --batch 8
make_program large-fp32 models/generic/resnet50.hpanet --target cuda --arch "$arch" --precision fp32 --size 512 --batch 1024 --part 1024

make_bench() { # NETWORK MODEL PRECISION SIZE
  make_program "bench-$1-$3-$4" "models/$2.hpanet" --target cuda --arch "$arch" --precision "$3" --size "$4" --batch 256 \
    --part 256
}
make_bench resnet50 generic/resnet50 bf16 224
for precision in bf16 fp16 tf32 fp32; do
  make_bench resnet50 generic/resnet50 $precision 256
done
for precision in bf16 fp16; do
  make_bench resnet34 resnet34_baseline $precision 256
  make_bench densenet121 generic/densenet121 $precision 256
  make_bench vgg16 generic/vgg16 $precision 256
done

if [ ! -e "$folder/cells.pack" ]; then
  "$build/tests/e2e/make_images" published cells 64 1 64
  "$build/runtime/hpadata/hpadata" pack "$root/models/data/hpa.hpanet" cells --pixels 64 -o "$folder/cells.pack"
  rm -r cells
fi

echo "$root" >"$folder/root" # which programs name, and results need not
"$here/carry.sh" "$folder"
