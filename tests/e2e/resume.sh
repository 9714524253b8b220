#!/usr/bin/env bash
# Killed with SIGKILL at 20 random moments and more, at the change of stages too, and resumed: the same bits as a run that
# nothing disturbed.
source "$(dirname "$0")/common.sh"
RANDOM=${SEED:-1}

run "$make_images" published cells 96 1 64
run "$hpadata" pack "$hpa" cells --pixels 64 -o cells.pack
compile "$here/staged.hpanet"
run "$program" train --data cells.pack:train --out whole --seed 5
steps=$(grep -c '"kind":"step"' whole/log.jsonl)

kills=0 first=0 second=0 changes=0
attempt() { # PAUSE: goes on for so many seconds, then SIGKILL; fails when the run came to its end
  "$program" train --data cells.pack:train --out broken --seed 5 --save-every 0 --resume >"$said" 2>&1 &
  local process=$! before after
  before=$(stage)
  eval "$1"
  if kill -KILL $process 2>/dev/null && ! wait $process 2>/dev/null; then
    after=$(stage)
    [ "$before" = "$after" ] || changes=$((changes + 1))
    case $after in first) first=$((first + 1)) ;; second) second=$((second + 1)) ;; esac
    kills=$((kills + 1))
    return 1
  fi
}
stage() { grep -o '"stage":"[a-z]*"' broken/log.jsonl 2>/dev/null | tail -n 1 | cut -d'"' -f4; }
# Up to the moment at which the last epoch of the first stage has been written down: its checkpoint is just being made.
until_change() {
  local left=2000
  until grep -qs '"kind":"epoch","stage":"first","epoch":3' broken/log.jsonl || [ $((left--)) -eq 0 ]; do sleep 0.003; done
}

# Pauses grow until a try makes way, then are random; after 20 kills nothing is killed any more.
trap - ERR
changed=no limit=60
while [ $kills -lt 24 ]; do
  if [ $changed = no ] && [ $kills -ge 8 ]; then
    changed=yes
    attempt until_change && break
  else
    attempt "sleep 0.$(printf %03d $((20 + RANDOM % limit)))" && break
  fi
  [ $limit -gt 400 ] || limit=$((limit + 10))
done
[ $kills -ge 20 ] || fail "the run ended after $kills kills: it is too short for this machine"
run "$program" train --data cells.pack:train --out broken --seed 5 --resume
echo "$kills kills ($first in the first stage, $second in the second), $steps steps"
[ $first -gt 0 ] && [ $second -gt 0 ] || fail "not both stages were hit"

cmp whole/best.safetensors broken/best.safetensors || fail "the best weights differ"
losses() { grep '"kind":"step"' "$1/log.jsonl"; }
diff <(losses whole) <(losses broken) >"$said" || fail "the steps differ"
scores() { grep '"kind":"epoch"' "$1/log.jsonl" | sed 's/"seconds":[^,]*,"images_per_second":[^,]*,//'; }
diff <(scores whole) <(scores broken) >"$said" || fail "the epochs differ"
tail -n 1 <(scores whole) | grep -q '"best":true' || fail "the last epoch is not the best: its weights were not compared"

# What a checkpoint does not fit is refused by name.
refuse "$program" train --data cells.pack:train --out broken -- "holds a run already" "--resume"
refuse "$program" train --data cells.pack:train --out broken --resume --seed 6 -- "broken/last.safetensors" "--seed 6"
run "$make_images" published other 64 1 64
refuse "$program" train --data other:train --out broken --resume -- "broken/last.safetensors" "not those the run began with"
cmp whole/best.safetensors broken/best.safetensors || fail "a refused run changed the weights"
