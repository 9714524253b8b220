#!/usr/bin/env bash
# build_emulated.sh FOLDER OUTPUT: links the sources that hpacc wrote for CUDA into a program that runs on the emulated
# device. HPANET_BUILD names another build than build/. SIMT_ORDER and SIMT_TRAFFIC (device.c) are for the program.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath "$here/../..")
build=${HPANET_BUILD:-$root/build}
[ $# -eq 2 ] || { echo "usage: build_emulated.sh FOLDER OUTPUT" >&2; exit 2; }
folder=$1 output=$2
# shellcheck source=/dev/null
source "$build/tests/simt/options.sh" # sanitizer, libraries: as the build has them

objects=$(mktemp -d "${TMPDIR:-/tmp}/hpanet-emulated.XXXXXX")
trap 'rm -rf "$objects"' EXIT
read -ra compiler <<<"${CC:-cc} $sanitizer -std=gnu17 -O2 -Wall -Wextra"
for source in functions model products main; do
  "${compiler[@]}" -I"$root/runtime" -Wa,-I"$folder" -c "$folder/$source.c" -o "$objects/$source.o"
done
# Kernels see memory as words of several types.
"${compiler[@]}" -x c -DHP_EMULATED -fno-strict-aliasing -I"$here" -I"$root/runtime" -c "$folder/kernels.cu" \
  -o "$objects/kernels.o"
read -ra link <<<"$libraries"
"${compiler[@]}" "$objects"/*.o "$build/tests/simt/libsimt.a" "$build/runtime/libhpart.a" "${link[@]}" \
  -fopenmp -o "$output"
