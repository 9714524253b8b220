#!/usr/bin/env bash
# Killed with SIGKILL at 20 random moments and more, at the change of stages too, and resumed: the same bits as a run that
# nothing disturbed.
source "$(dirname "$0")/common.sh"
RANDOM=${SEED:-1}

run "$make_images" published cells 96 1 64
run "$hpadata" pack "$hpa" cells --pixels 64 -o cells.pack
compile "$here/staged.hpanet"
recipe=(--data cells.pack:train --seed 5 --set stage.first.epochs=5 --set stage.second.epochs=12)
began=$(date +%s%N)
run "$program" train "${recipe[@]}" --out whole
took=$((($(date +%s%N) - began) / 1000000)) # milliseconds

stage() { # of the last step that was written down
  grep -o '"stage":"[a-z]*"' broken/log.jsonl 2>/dev/null | tail -n 1 | cut -d'"' -f4 || true
}
change() { # waits until the last epoch of the first stage is written down: its checkpoint is being made
  local left=2000
  until grep -qs '"kind":"epoch","stage":"first","epoch":5' broken/log.jsonl || [ $((left--)) -eq 0 ]; do sleep 0.003; done
}
attempt() { # COMMAND...: goes on while the command runs, then SIGKILL; 1 when the run was killed, 0 when it came to its end
  "$program" train "${recipe[@]}" --out broken --save-every 0 --resume >"$said" 2>&1 &
  local process=$! status=0
  "$@"
  kill -KILL $process 2>/dev/null || true
  wait $process 2>/dev/null || status=$?
  [ $status -ne 0 ] || return 0
  [ $status -eq 137 ] || fail "status $status"
  kills=$((kills + 1))
  case $(stage) in first) first=$((first + 1)) ;; second) second=$((second + 1)) ;; esac
  return 1
}
kill_often() { # LONGEST: 24 kills after random pauses, in milliseconds; the ninth at the change of stages
  rm -rf broken
  kills=0 first=0 second=0
  while [ $kills -lt 24 ]; do
    if [ $kills -eq 8 ]; then
      ! attempt change || return 0
    else
      ! attempt sleep "$(awk "BEGIN { print (10 + $RANDOM % $1) / 1000 }")" || return 0
    fi
  done
}
# A pause that is too long for this machine ends the run before it is killed 20 times: then all begins again with shorter ones.
longest=$((took / 4 + 10))
kill_often $longest
while [ $kills -lt 20 ] && [ $longest -gt 20 ]; do
  longest=$((longest / 2))
  kill_often $longest
done
[ $kills -ge 20 ] || fail "the run ended after $kills kills"
run "$program" train "${recipe[@]}" --out broken --resume
echo "$kills kills, $first in the first stage and $second in the second; the run takes $took ms undisturbed"
[ $first -gt 0 ] || fail "the first stage was never hit"
[ $second -gt 0 ] || fail "the second stage was never hit"

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
