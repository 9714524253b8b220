#!/usr/bin/env bash
# PRECISION MODEL...: the kernels of shipped models compile for three architectures, and neither hpacc nor NVRTC has anything to
# say: no warning, no spilled register. The binaries have all kernels.
source "$(dirname "$0")/../e2e/common.sh"

precision=$1
archs=(sm_80 sm_90a sm_100)

# A skip where NVRTC is installed would hide all there is to see.
refused() {
  cat messages >>"$said"
  grep -qF 'kernels are compiled by NVRTC, and ' messages || fail "$name does not compile"
  ! compgen -G '/usr/local/cuda*/lib64/libnvrtc.so.1[23]' >/dev/null || fail "NVRTC is installed and was not found"
  skip "$(cat messages)"
}

for name in "${@:2}"; do
  "$hpacc" "$root/models/$name.hpanet" --target cuda --precision "$precision" --arch "$(IFS=,; echo "${archs[*]}")" \
    --emit source --time -o "$name" >"$said" 2>messages || refused
  seconds=$(awk '$3 == "emit" { printf "%.1f", $1 / 1e3 }' messages)
  # what --time prints, and what is said of this machine's memory
  grep -vE '^ +[0-9.]+ ms  |^hpacc: warning: training .* takes ' messages >"$said" || true
  [ ! -s "$said" ] || fail "$name, $precision: something was said"
  sed -n 's/^KERNEL(\([a-z0-9_A-Z]*\),.*/.text.\1/p' "$name/kernels.cu" >kernels
  [ -s kernels ] || fail "$name has no kernels"
  for arch in "${archs[@]}"; do
    while read -r kernel; do
      grep -qF "$kernel" "$name/kernels.$arch.cubin" || fail "$name for $arch has no $kernel"
    done <kernels
  done
  echo "$name, $precision: $(wc -l <kernels) kernels for ${archs[*]} in $seconds s"
  rm -r "$name"
done
