#!/usr/bin/env bash
# Installed, hpacc works from any folder and without the folder it was built from.
source "$(dirname "$0")/common.sh"

run cmake --install "$build" --prefix "$work/prefix"
[ -x prefix/bin/hpacc ] && [ -x prefix/bin/hpadata ] || fail "the programs are not installed"
mkdir elsewhere
cd elsewhere
PATH=$work/prefix/bin:$PATH
run hpacc --help
run hpadata --help

# A C compiler that fails shows the command: what it reads must be the installed files.
refuse env CC=false hpacc "$work/prefix/share/hpanet/models/cnn_baseline.hpanet" -- "-I$work/prefix/include/hpanet"
! grep -qF -- "-I$root" "$said" || fail "the installed hpacc compiles with the source folder's headers"

cp "$here"/staged.hpanet "$here"/halving.hpanet .
run hpacc staged.hpanet
[ -x generated/staged/staged ] || fail "no program came out"
run "$make_images" published cells 48 2 64
run hpadata pack "$work/prefix/share/hpanet/models/data/hpa.hpanet" cells --pixels 64 -o cells.pack
run generated/staged/staged train --data cells.pack:train --out run --smoke
run generated/staged/staged predict --data cells.pack:test --weights run/best.safetensors -o submission.csv
[ "$(wc -l <submission.csv)" -eq 3 ] || fail "the submission has not two rows"

run hpacc staged.hpanet --emit library -o library
echo '#include <staged.h>
int main(void) { return staged_class_count() == 28 ? 0 : 1; }' >host.c
run cc -I library host.c -o host -L library -Wl,-rpath,"$PWD/library" -lstaged

# Program and library need neither hpacc nor the sources any more.
mv "$work/prefix" "$work/gone"
run generated/staged/staged info
says "body.0.conv"
run ./host
