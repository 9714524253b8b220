#!/usr/bin/env bash
# The compiled ResNet34 against PyTorch: the programs that hpacc makes of tests/vectors, with the hp_main of parity.c instead
# of the runtime's. The linker takes the first it finds.
source "$(dirname "$0")/common.sh"

export HPANET_ROOT=$root
export CC="${CC:-cc} -L$build/tests/e2e -Wl,--undefined=hp_main -lparity"
for network in "resnet34_smooth smooth" "resnet34 kinked"; do
  read -r name kind <<<"$network"
  compile "$root/tests/vectors/$name.hpanet"
  run "$program" "$name.txt" "$kind"
  tail -n 1 "$said"
done
