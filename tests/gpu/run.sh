#!/usr/bin/env bash
# run.sh [SECONDS]: what can only be tested on a GPU, with the programs of prepare.sh; builds nothing. The most important comes
# first, and what there is no time for (480 s) is left out. Writes YYYY-MM-DD-gpu-run.json and .log to the folder OUT, or
# bench/results/. Ends with status 0 when nothing failed and something passed.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath "$here/../..")
archive=${HPANET_BUILD:-$root/build}/gpu/programs.tar.gz
out=$(realpath "${OUT:-$root/bench/results}")
end=$((SECONDS + ${1:-480}))
[ -f "$archive" ] || { echo "$archive is missing: run tests/gpu/prepare.sh first" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/hpanet-gpu.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" && tar -xzf "$archive" -C "$work" && cd "$work/programs" || exit 1
export XDG_CACHE_HOME=$work/cache
name=$(date +%F)-gpu-run
log=$out/$name.log
: >"$log"
passed=0 failed=0 left=0 checks="" benches=""

quoted() { # TEXT: a JSON string
  printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

relative() { # standard input, without the folder that the programs were made in
  sed "s|$(cat root)/||g"
}

write_results() { # after each check: a machine may be gone before the last
  printf '{"date":%s,"gpu":%s,"passed":%d,"failed":%d,"left_out":%d,"checks":[%s],"bench":{%s}}\n' "$(quoted "$(date -Is)")" \
    "$(quoted "$gpu")" $passed $failed $left "${checks#,}" "${benches#,}" >"$out/$name.json"
}

# check NAME SECONDS FUNCTION [ARGUMENT...]: status 77 leaves it out. Its last line is its result.
check() {
  local name=$1 limit=$2 began=$SECONDS status=77 said="no time left" result=passed
  shift 2
  deadline=$((began + limit < end ? began + limit : end))
  if [ $((end - began)) -ge 10 ]; then
    (set -e; "$@") >said 2>&1
    status=$?
    { echo "== $name"; relative <said; } >>"$log"
    said=$(relative <said | grep -v '^ *$' | tail -n 1)
  fi
  case $status in
    0) passed=$((passed + 1)) ;;
    77) result="left out" left=$((left + 1)) ;;
    *) result="FAILED ($status)" failed=$((failed + 1)) ;;
  esac
  printf '%-28s %-12s %4d s  %s\n' "$name" "$result" $((SECONDS - began)) "${said:0:150}"
  checks+=",{\"name\":$(quoted "$name"),\"result\":$(quoted "$result"),\"seconds\":$((SECONDS - began)),\"said\":$(quoted "$said")}"
  write_results
}

bounded() { # COMMAND...: until the check's deadline
  timeout -k 5 $((deadline > SECONDS ? deadline - SECONDS : 1)) "$@"
}

refuse() { # TEXT COMMAND...: must end with status 1 and say TEXT
  local text=$1 status=0
  shift
  bounded "$@" >refused 2>&1 || status=$?
  tail -n 5 refused
  [ $status -eq 1 ] || { echo "ended with status $status, not 1"; return 1; }
  grep -qF -- "$text" refused || { echo "does not say '$text'"; return 1; }
}

# ---------------------------------------------------------------- checks

# Training steps of the CUDA program from the CPU program's weights: the same numbers, and the same bits when done again.
steps() { # NAME
  bounded "./steps-$1-cpu" record tape 2 1
  for run in 1 2; do
    bounded "./steps-$1-fp32" check tape 2 1 | tee "steps.$run"
  done
  rm tape
  cmp steps.1 steps.2
  echo "agrees: $(grep -m 1 '^gradients' steps.1)"
}

train_smoke() { # PROGRAM FOLDER
  bounded "./$1" train --data cells.pack:train --out "$2" --smoke --initial none --seed 3
}

# predict PRECISION: probabilities of the weights that accuracy-fp32 trained
predict() {
  bounded "./accuracy-$1" predict --data cells.pack:train --weights trained/best.safetensors -o submission.csv \
    --probabilities "$1.csv"
}

# error FOUND WANTED: of logits, the largest difference over the largest value
error() {
  paste -d, "$1" "$2" | awk -F, 'function abs(x) { return x < 0 ? -x : x } function logit(p) { return log(p / (1 - p)) }
    NR > 1 { for (i = 2; i <= NF / 2; i++) { a = logit($i); r = logit($(i + NF / 2)); n++
      if (!(abs(a - r) <= d)) d = abs(a - r); if (abs(r) > m) m = abs(r) } } END { if (n < 1000) exit 1; printf "%.2e\n", d / m }'
}

accurate() { # PRECISION BOUND
  predict "$1"
  local off
  off=$(error "$1.csv" cpu.csv)
  echo "logits are off by $off of the largest, allowed are $2"
  awk -v off="$off" -v bound="$2" 'BEGIN { exit !(off ~ /^[0-9]/ && off + 0 <= bound) }' # no NaN
}

trained() { # what the other checks of accuracy predict with
  train_smoke accuracy-fp32 trained
  predict cpu
}

same_bits() { # PRECISION
  train_smoke "accuracy-$1" "runs/$1.1"
  train_smoke "accuracy-$1" "runs/$1.2"
  cmp "runs/$1.1/best.safetensors" "runs/$1.2/best.safetensors"
  echo "two runs of 20 steps give the same bits"
}

no_gpu() {
  CUDA_VISIBLE_DEVICES='' refuse "--target cpu" ./small-bf16 bench
}

too_large() {
  refuse "training takes " ./large-fp32 bench --only train
}

sanitized() { # TOOL
  local tool
  tool=$(PATH=$PATH:/usr/local/cuda/bin command -v compute-sanitizer) || { echo "compute-sanitizer is not here"; return 77; }
  bounded "$tool" --tool "$1" --error-exitcode 9 ./small-bf16 bench --steps 1
  echo "$1 finds nothing"
}

number() { # NAME FILE: the numbers of this name, in order
  grep -o "\"$1\": [0-9.e+-]*" "$2" | cut -d' ' -f2 | tr '\n' ' '
}

bench() { # PROGRAM
  bounded "./bench-$1" bench --json | relative >"bench-$1.json"
  echo "training and prediction: $(number images_per_second_back_to_back "bench-$1.json")images/s," \
    "of the roofline $(number roofline_share "bench-$1.json")"
}

check_bench() { # PROGRAM
  check "bench $1" 60 bench "$1"
  [ ! -s "bench-$1.json" ] || benches+=",$(quoted "$1"):$(cat "bench-$1.json")"
  write_results
}

# ---------------------------------------------------------------- the run

gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1)
gpu=${gpu:-no GPU that nvidia-smi knows}
echo "$gpu"
check "steps resnet34" 60 steps resnet34_baseline
check_bench resnet50-bf16-256
check_bench resnet50-bf16-224
check "steps densenet121" 60 steps densenet121
check "steps vgg16" 90 steps vgg16_keras
check "accuracy: training" 60 trained
check "accuracy fp32" 20 accurate fp32 1e-3
check "accuracy bf16" 20 accurate bf16 2e-2
check "accuracy fp16" 20 accurate fp16 4e-3
check "accuracy tf32" 20 accurate tf32 4e-3
check "same bits bf16" 40 same_bits bf16
check "same bits fp32" 40 same_bits fp32
check "no GPU" 10 no_gpu
check "too large" 30 too_large
check "memcheck" 60 sanitized memcheck
check_bench resnet34-bf16-256
check_bench densenet121-bf16-256
check_bench vgg16-bf16-256
check_bench resnet50-fp16-256
check "racecheck" 90 sanitized racecheck
check "same bits fp16" 40 same_bits fp16
for program in resnet34-fp16 densenet121-fp16 vgg16-fp16 resnet50-tf32 resnet50-fp32; do
  check_bench $program-256
done
echo "$out/$name.json, $out/$name.log"
echo "$passed passed, $failed failed, $left left out"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
