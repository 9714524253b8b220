#!/usr/bin/env bash
# A model as a shared library: the examples of docs/ predict what the program predicts, to the last bit.
source "$(dirname "$0")/common.sh"
examples=$root/docs/examples

run "$make_images" planes screen 43 72
cat >screen.hpanet <<'END'
dataset screen {
  planes dna, er, rna, actin, mito
  file   "{id}_{plane}.png"
  range  0 to 255
  labels any of [ "dna disc", "er disc", "rna disc", "actin disc", "mito disc", "dna ring", "er ring", "rna ring",
                  "actin ring", "mito ring", "dna bar", "er bar" ]
  part all { folder "images"; table "labels.csv" id "well" labels "phenotype" split "|" }
}
END
small=("$root/models/small.hpanet" --dataset screen.hpanet --size 48 --batch 8 --target cpu)
for side in 48 72; do
  run "$hpadata" pack screen.hpanet screen --pixels $side -o "$side.pack"
  tail -c $((43 * side * side * 5)) "$side.pack" >"$side.raw" # a pack ends with its pixels; those of 72 are the files'
done

# ---- what the program says, from the folder and from a pack
run "$hpacc" "${small[@]}" -o program
run program/small train --data 48.pack --out run --smoke
weights=$PWD/run/best.safetensors
run program/small predict --data screen --weights "$weights" -o s.csv --probabilities folder.csv
run program/small predict --data 48.pack --weights "$weights" -o s.csv --probabilities pack.csv
cut -d, -f2- folder.csv >wanted
diff -q wanted <(cut -d, -f2- pack.csv) || fail "folder and pack differ"
[ "$(tail -n +2 wanted | sort -u | wc -l)" -gt 30 ] || fail "the network says the same of all images"

# ---- the library shows its header's functions and nothing else
run "$hpacc" "${small[@]}" --emit library
says "generated/small/small.h says how to call it"
diff <(nm -D --defined-only generated/small/libsmall.so | cut -d' ' -f3 | sort) \
  <(grep -oE '\bsmall_[a-z_]+\(' generated/small/small.h | tr -d '(' | sort -u) || fail "another set of functions is exported"
run cc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c generated/small/small.h
if command -v c++ >/dev/null; then
  run c++ -Wall -Wextra -Werror -fsyntax-only -x c++ -include generated/small/small.h /dev/null
fi

# ---- from another folder: C
run cc -Wall -Wextra -Werror -I generated/small "$examples/predict.c" -o predict -L generated/small \
  -Wl,-rpath,"$PWD/generated/small" -lsmall
mkdir elsewhere
cd elsewhere
for side in 48 72; do
  ../predict "$weights" ../$side.raw $side $side >c.csv
  diff <(cut -d, -f2- c.csv) ../wanted || fail "in C, $side pixels: other probabilities than the program's"
done
head -c 30000 "$weights" >torn.safetensors
refuse ../predict torn.safetensors ../48.raw 48 48 -- "predict: cannot use the weights torn.safetensors"
refuse ../predict nothing.safetensors ../48.raw 48 48 -- "nothing.safetensors: No such file"
refuse ../predict "$weights" ../48.raw 24 24 -- "predict: the images are 24 x 24 pixels, but 48 a side are needed"

# ---- Python, by ctypes
if command -v python3 >/dev/null; then
  for side in 48 72; do
    python3 "$examples/predict.py" ../generated/small/libsmall.so "$weights" ../$side.raw $side $side >python.csv
    cmp python.csv c.csv || fail "in Python, $side pixels: other probabilities than in C"
  done
  refuse python3 "$examples/predict.py" ../generated/small/libsmall.so torn.safetensors ../48.raw 48 48 -- \
    "RuntimeError: cannot use the weights torn.safetensors"
else
  echo "SKIPPED: the example in Python; there is no python3"
fi
cd ..

# ---- two models in one program, and a mistake of the host that neither ends it nor prints
cp "$root/models/small.hpanet" other.hpanet
run "$hpacc" other.hpanet --dataset screen.hpanet --size 32 --batch 4 --target cpu --emit library
cat >two.c <<'END'
#include <other.h>
#include <small.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    char error[400], unused[400];
    static unsigned char pixels[72 * 72 * 5];
    float first[12], again[12], others[12];
    FILE *file = fopen(argv[argc - 1], "rb");
    if (!file || fread(pixels, 1, sizeof pixels, file) != sizeof pixels)
        return 2;
    fclose(file);
    small_images images = {pixels, 8, 1, 72, 72, 5}, wrong = {pixels, 8, 1, 72, 72, 4};
    other_images other_images = {pixels, 8, 1, 72, 72, 5};
    small_predictor *small = small_create(argv[1], error, sizeof error);
    other_predictor *other = other_create(argv[1], error, sizeof error); /* the size is not part of the weights */
    if (!small || !other || !small_predict(small, &images, first, error, sizeof error) ||
        !other_predict(other, &other_images, others, error, sizeof error))
        return 3;
    if (small_predict(small, &wrong, again, error, sizeof error) || small_create("nothing", unused, sizeof unused))
        return 4;
    if (!small_predict(small, &images, again, unused, sizeof unused))
        return 5;
    puts(error);
    for (int c = 0; c < 12; c++)
        if (first[c] != again[c])
            return 6;
    printf("%lld and %lld pixels, %s\n", (long long)small_image_size(), (long long)other_image_size(),
           first[0] == others[0] ? "equal" : "different");
    small_destroy(small);
    other_destroy(other);
    return 0;
}
END
run cc -Wall -Wextra -Werror -I generated/small -I generated/other two.c -o two -L generated/small -L generated/other \
  -Wl,-rpath,"$PWD/generated/small:$PWD/generated/other" -lsmall -lother
run ./two "$weights" 72.raw
diff - "$said" <<'END'
the images have 4 planes, but data set 'screen' has 5
48 and 32 pixels, different
END

# ---- a model whose header would take another's place
cp other.hpanet model.hpanet
refuse "$hpacc" model.hpanet --dataset screen.hpanet --emit library -- "model.h is the name of another header"

# ---- for a GPU, on a machine that shows none: an answer, not a crash
run "$hpacc" "${small[@]:0:7}" --target cuda --emit library -o cuda
run cc -Wall -Wextra -Werror -I cuda "$examples/predict.c" -o on_gpu -L cuda -Wl,-rpath,"$PWD/cuda" -lsmall
CUDA_VISIBLE_DEVICES='' refuse ./on_gpu "$weights" 48.raw 48 48 -- "this program was compiled for CUDA"
