# shellcheck shell=bash
# Sourced by every test of this folder. A test runs in a temporary folder, which goes when it ends; a failure prints what
# the last command said. By hand: tests/e2e/learn.sh, with HPANET_BUILD naming another build than build/.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath "$here/../..")
build=${HPANET_BUILD:-$root/build}
hpacc=$build/compiler/hpacc
hpadata=$build/runtime/hpadata/hpadata
make_images=$build/tests/e2e/make_images
hpa=$root/models/data/hpa.hpanet
for program in "$hpacc" "$hpadata" "$make_images"; do
  [ -x "$program" ] || { echo "$program is missing: build first" >&2; exit 1; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/hpanet-e2e.XXXXXX")
said=$work/.said # what the last `run` or `refuse` printed
: >"$said"
trap 'status=$?; trap - EXIT; [ $status -eq 0 ] || [ $status -eq 77 ] || tail -n 40 "$said" >&2; rm -rf "$work"; exit $status' EXIT
trap 'echo "$0:$LINENO: failed: $BASH_COMMAND" >&2' ERR
cd "$work"

fail() {
  trap - ERR
  echo "$0:${BASH_LINENO[0]}: $*" >&2
  exit 1
}

skip() { # ctest counts status 77 as skipped
  echo "SKIPPED $(basename "$0" .sh): $*"
  exit 77
}

run() { # COMMAND...: must succeed
  local status=0
  "$@" >"$said" 2>&1 || status=$?
  [ $status -eq 0 ] || fail "line ${BASH_LINENO[0]}: '$*' ended with status $status"
}

# refuse COMMAND... -- PATTERN...: must end with a status from 1 to 127 (no signal), and every PATTERN (a fixed string) must
# stand in what it prints.
refuse() {
  local command=() status=0 pattern
  while [ "$1" != -- ]; do command+=("$1"); shift; done
  shift
  "${command[@]}" >"$said" 2>&1 || status=$?
  [ $status -ne 0 ] || fail "line ${BASH_LINENO[0]}: '${command[*]}' was not refused"
  [ $status -lt 128 ] || fail "line ${BASH_LINENO[0]}: '${command[*]}' crashed with status $status"
  for pattern in "$@"; do
    grep -qF -- "$pattern" "$said" || fail "line ${BASH_LINENO[0]}: '${command[*]}' does not say '$pattern'"
  done
}

says() { # PATTERN: what the last command printed has it
  grep -qF -- "$1" "$said" || fail "line ${BASH_LINENO[0]}: it does not say '$1'"
}

compile() { # FILE [OPTION...]: sets $program
  local name
  name=$(basename "$1" .hpanet)
  run "$hpacc" "$@" --target cpu -o "generated/$name"
  program=generated/$name/$name
}

json() { # NAME: a number at the top of the JSON object on standard input, as `evaluate --json` prints it
  awk -v name="\"$1\":" '$1 == name && !found { sub(/,$/, "", $2); print $2; found = 1 } END { exit !found }'
}

last_epoch() { # RUN NAME: a number of the validation in the last epoch of a run's log
  grep '"kind":"epoch"' "$1/log.jsonl" | tail -n 1 | sed 's/.*"validation"://' | grep -o "\"$2\":[^,}]*" | cut -d: -f2
}

is() { # EXPRESSION: a comparison of numbers, in awk
  awk "BEGIN { exit !($1) }" || fail "line ${BASH_LINENO[0]}: not so: $1"
}
