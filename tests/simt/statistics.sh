#!/usr/bin/env bash
# A training step in fp16 on the emulated device, whose convolutions give the sums of their batch norms, against one whose
# kernels compute the statistics. cuDNN is asked about the first program; of the other's GPU it knows nothing.
source "$(dirname "$0")/../e2e/common.sh"

export HPANET_BUILD=$build
export CC="${CC:-cc} -L$build/tests/simt -Wl,--undefined=hp_main -lstatistics"
model=("$root/models/quickstart.hpanet" --size 32 --batch 8 --target cuda --precision fp16)

run "$hpacc" "${model[@]}" --arch sm_90a --emit source -o sums
run "$hpacc" "${model[@]}" --arch sm_86 --emit source -o kernels
grep -q 'statistics = true' sums/products.c || skip "cuDNN is not installed"
grep -q 'statistics = true' kernels/products.c && fail "a GPU that is not known gives statistics"
for program in sums kernels; do
  run "$root/tests/simt/build_emulated.sh" "$program" "$program.emulated"
  run "./$program.emulated"
  cp "$said" "$program.txt"
done

# What is rounded the other way to 16 bits moves statistics of others by less than its own rounding.
paste -d '\n' sums.txt kernels.txt | awk '
  function size(x) { return x < 0 ? -x : x }
  NR % 2 { for (i = 1; i <= NF; i++) found[i] = $i; fields = NF; next }
  {
    apart = largest = 0
    for (i = 2; i <= NF; i++) {
      if (size($i) > largest) largest = size($i)
      if (!(size($i - found[i]) <= apart)) apart = size($i - found[i])
    }
    print $1 " is off by " apart " of " largest
    wrong = wrong || $1 != found[1] || NF != fields || !(largest > 0) || !(apart <= 5e-4 * largest)
  }
  END { exit wrong || NR != 2 * 15 }' >"$said" || fail "statistics are not those that kernels compute"
cat "$said"
