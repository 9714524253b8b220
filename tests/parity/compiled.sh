#!/usr/bin/env bash
# NAME: a compiled backbone against PyTorch: the program that hpacc makes of it, with the hp_main of compiled.c instead of the
# runtime's. The linker takes the first it finds.
source "$(dirname "$0")/../e2e/common.sh"

name=$1
export HPANET_ROOT=$root
export CC="${CC:-cc} -L$build/tests/parity -Wl,--undefined=hp_main -lparity"
compile "$build/tests/parity/$name.hpanet"
run "$program" "$name.txt"
tail -n 1 "$said"
