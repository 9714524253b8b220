#!/usr/bin/env bash
# --memory: the plan keeps to the budget, training gives the same losses, and what does not fit is told with numbers.
source "$(dirname "$0")/common.sh"

small=("$root/models/small.hpanet" --dataset "$hpa" --size 64 --batch 16 --target cpu)
number() { # PATTERN: the number before it on the line of the last command that begins with "memory:"
  sed -n "s/^memory:.* \([0-9.]*\) MB for $1.*/\1/p" "$said"
}

run "$hpacc" "${small[@]}" --memory 100GB -o kept
variables=$(number variables) kept=$(number tensors)
! grep -q '^recompute' "$said" || fail "something is computed again though there is memory for all"

# Without a budget only what costs next to nothing is computed again.
run "$hpacc" "${small[@]}" --emit source -o usual
usual=$(number tensors)
is "$usual < $kept && $usual >= 0.8 * $kept"

# The plan and what the program says of itself stay within each budget.
for share in 0.95 0.9 0.85 0.8; do
  budget=$(awk "BEGIN { printf \"%.1f\", $variables + $share * $kept }")
  run "$hpacc" "${small[@]}" --memory "${budget}MB" --emit source -o "again$share"
  says 'recompute: the backward pass computes values again'
  is "$(number variables) + $(number tensors) <= $budget"
  bytes=$(sed -n 's/.*\.memory_bytes = \([0-9]*\).*/\1/p' "again$share/model.c")
  is "$bytes <= $budget * 1000000"
done
run "$hpacc" "${small[@]}" --memory "${budget}MB" -o again

# The same losses: no product of the forward pass, no statistic and no random number is another one.
run "$make_images" published cells 64 1 64
run "$hpadata" pack "$hpa" cells --pixels 64 -o cells.pack
for program in kept again; do
  run $program/small train --data cells.pack:train --out runs/$program --seed 3 --set stage.all.epochs=2
  grep -o '"loss":[^,}]*' runs/$program/log.jsonl >$program.losses
done
paste -d: kept.losses again.losses | awk -F: '{ d = $2 - $4; if (d < 0) d = -d; if (d > 1e-6 * ($2 < 0 ? -$2 : $2)) exit 1; n++ } END { exit n < 4 }' ||
  fail "training differs when values are computed again"

# What cannot be: bytes as it is, the least, the largest part that fits.
least=$(awk "BEGIN { printf \"%.1f\", $variables + 0.25 * $kept }")
refuse "$hpacc" "${small[@]}" --memory "${least}MB" --emit source -o no -- \
  "does not fit into --memory $least MB: it takes " "MB when all is computed again that can be; parts of " "instead of 16 images take"
said_bytes=$(sed -n 's/.*MB: it takes \([0-9.]*\) MB, and .*/\1/p' "$said")
is "$said_bytes >= $variables + $kept - 0.15 && $said_bytes <= $variables + $kept + 0.15" # each is rounded
is "$(sed -n 's/.* images take \([0-9.]*\) MB/\1/p' "$said") <= $least"
refuse "$hpacc" "${small[@]}" --memory 1MB --emit source -o no -- \
  "weights, gradients and the optimizer's state alone take $variables MB"
refuse "$hpacc" "${small[@]}" --memory 1MB --batch 8 --emit source -o no -- "does not fit into --memory 1.0 MB"
refuse "$hpacc" "${small[@]}" --memory plenty -- "--memory wants a size such as 4GB, 900MB or 3.5GiB, not \"plenty\""
refuse "$hpacc" "${small[@]}" --memory 0GB -- "--memory wants a size"

# A program larger than the machine: hpacc warns, the program refuses to begin. A limit of the shell is such a machine.
large=(--size 320 --batch 32 --target cpu)
limited() { # COMMAND...
  (ulimit -v 1000000 && exec "$@")
}
run limited "$hpacc" "$root/models/small.hpanet" --dataset "$hpa" "${large[@]}" --emit source -o large
says "and this machine has 1024.0 MB free"
says "instead of 32 images take"
run "$hpacc" "$root/models/small.hpanet" --dataset "$hpa" "${large[@]}" -o large
refuse limited large/small bench --only train --steps 1 -- "training takes " "and 1024.0 MB are free: parts of " \
  "instead of 32 images should fit" "--memory 1024MB"
