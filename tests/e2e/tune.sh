#!/usr/bin/env bash
# --tune and choice files: what was timed is written down, a file is obeyed to the letter, two programs of one file are the
# same to the bit, and a run knows what it ran with.
source "$(dirname "$0")/common.sh"

small=("$root/models/small.hpanet" --dataset "$hpa" --size 32 --batch 8 --target cpu)
make() { # FOLDER [OPTION...]
  run "$hpacc" "${small[@]}" -o "$@"
}

# The first product whose library candidates are two or more: its name, what was chosen, another one. Names stand in quotes.
two_ways() { # FILE
  awk -F'"' '/^  "/ { product = $2; n = 0 } /^    "/ { if ($2 !~ /^hpanet:/) name[n++] = $2 }
    /^   "choice"/ { for (i = 0; i < n; i++) if (n > 1 && $4 !~ /^hpanet:/ && name[i] != $4) { print product; print $4; print name[i]; exit } }' "$1"
}
choose() { # FILE PRODUCT IMPLEMENTATION: the file with another choice
  awk -v product="  \"$2\": {" -v choice="$3" '/^  "/ { here = $0 == product }
    here { sub(/^   "choice": "[^"]*"/, "   \"choice\": \"" choice "\"") } { print }' "$1"
}
runs() { # FOLDER IMPLEMENTATION: how often the library runs it in a step of training
  ONEDNN_VERBOSE=1 DNNL_VERBOSE=1 "$1/small" bench --only train --steps 1 | grep ',exec,' | grep -cF ",$2," || true
}

make tuned --tune
says ' products in '
make plain --emit source
! grep -q '"candidates"' plain/choices.json || fail "a program that was not tuned has times"
mapfile -t way < <(two_ways tuned/choices.json)
[ ${#way[@]} -eq 3 ] || skip "the library has one implementation of each product here"
product=${way[0]} chosen=${way[1]} other=${way[2]}

# One file, one program; tuning gives the program of the file it writes.
make one --choices tuned/choices.json
make two --choices tuned/choices.json
says 'knows'
diff -x small -r one two || fail "one choice file gives two programs"
diff -x small -r tuned one || fail "the tuned program is not that of its file"

# An edited file is obeyed.
choose tuned/choices.json "$product" "$other" >edited.json
make edited --choices edited.json
grep -qF "\"$other\"" edited/products.c || fail "products.c does not name $other"
[ "$(runs edited "$other")" -gt "$(runs tuned "$other")" ] || fail "$other does not run where the file wants it"
[ "$(runs edited "$chosen")" -lt "$(runs tuned "$chosen")" ] || fail "$chosen runs where the file wants $other"

# Training: the same bits, a run that says what it ran with, and one resumed with another program is told.
run "$make_images" published cells 32 1 32
run "$hpadata" pack "$hpa" cells --pixels 32 -o cells.pack
train() { # FOLDER RUN [OPTION...]
  run "$1/small" train --data cells.pack:train --out "$2" --seed 3 --set stage.all.epochs=2 "${@:3}"
}
train one runs/one
train two runs/two
cmp runs/one/best.safetensors runs/two/best.safetensors || fail "one choice file gives two networks"
make again --choices runs/one/choices.json --emit source
diff -x small -x choices.json -r one again || fail "the choices of a run do not give its program"
train two runs/one --resume
! grep -q 'other implementations' "$said" || fail "the run's own program is taken for another"
train edited runs/one --resume
says 'other implementations'
says 'hpacc --choices runs/one/choices.json'

# Files that do not fit
bad() { # PATTERN...: bad.json is refused
  refuse "$hpacc" "${small[@]}" --emit source -o bad --choices bad.json -- "$@"
}
sed 's/"threads": 1/"threads": 3/' tuned/choices.json >bad.json
bad 'was made for 3 threads, and this program gets 1' 'OMP_NUM_THREADS=3'
sed 's/"library": "[^"]*"/"library": "oneDNN 0.1"/' tuned/choices.json >bad.json
bad 'was made for' 'oneDNN 0.1' '--tune'
sed 's/"isa": "[^"]*"/"isa": "sparc"/' tuned/choices.json >bad.json
bad 'was made for sparc'
choose tuned/choices.json "$product" "${chosen}x" >bad.json
bad "has no implementation \"${chosen}x\"" "did you mean '$chosen'"
head -c 200 tuned/choices.json >bad.json
bad 'bad.json:'
echo '{"isa": "avx512"}' >bad.json
bad 'is not a choice file' 'hpacc --tune writes one'
sed 's/"choice": "[^"]*"/"choice": 7/' tuned/choices.json >bad.json
bad 'has no "choice"'
sed 's/^  "products": {/  "products": 3, "x": {/; s/^ "products": {/ "products": 3, "x": {/' tuned/choices.json >bad.json
bad '"products" is not an object'
: >bad.json
bad 'bad.json:'
rm bad.json
bad 'bad.json'
refuse "$hpacc" "${small[@]}" --tune --choices edited.json -- 'one of them'
refuse "$hpacc" "${small[@]}" --tune --portable -- 'no --tune'
refuse "$hpacc" "${small[@]}" --tune --check -- '--tune takes minutes'

# Products that a file does not know run as untuned ones do.
run "$hpacc" "${small[@]}" --batch 4 --emit source -o larger --choices edited.json
says 'edited.json knows'
run "$hpacc" "${small[@]}" --batch 4 --emit source -o usual
! grep -qF "$product" larger/choices.json || fail "$product is there in another batch"
cmp <(grep 'implementation =' larger/products.c) <(grep 'implementation =' usual/products.c) ||
  fail "products that the file does not know run otherwise than untuned"
