#!/usr/bin/env bash
# Choice files for a GPU that is not here: what is planned is written down, a file is obeyed, and nothing can be timed.
source "$(dirname "$0")/common.sh"

gpu=("$root/models/small.hpanet" --dataset "$hpa" --size 32 --batch 8 --target cuda --arch sm_90a --emit source)
run "$hpacc" "${gpu[@]}" -o gpu
grep -q '"isa": "sm_90a"' gpu/choices.json || fail "the choices do not say for which GPU they are"
grep -q '"choice": "cublaslt"' gpu/choices.json || fail "matrix products have no choice"
run "$hpacc" "${gpu[@]}" -o gpu_again --choices gpu/choices.json
cmp <(tail -n +5 gpu/products.c) <(tail -n +5 gpu_again/products.c) || fail "a GPU's choices give other products"
sed '0,/"choice": "cublaslt"/s//"choice": "cublaslt:1,2"/; 0,/"scratchpad": [0-9]*/s//"scratchpad": 77824/' \
  gpu/choices.json >edited.json
run "$hpacc" "${gpu[@]}" -o gpu_edited --choices edited.json
grep -qF '.implementation = "cublaslt:1,2"' gpu_edited/products.c || fail "an edited name for a GPU is not obeyed"
sed '0,/"choice": "cublaslt"/s//"choice": "cublaslt:\\" + x"/' gpu/choices.json >bad.json
refuse "$hpacc" "${gpu[@]}" -o bad --choices bad.json -- 'has no implementation'
refuse "$hpacc" "${gpu[@]}" --arch sm_80 -o bad --choices gpu/choices.json -- 'was made for sm_90a' 'sm_80'
refuse env CUDA_VISIBLE_DEVICES= "$hpacc" "${gpu[@]}" -o bad --tune -- '--tune needs the GPU that the program is for'
