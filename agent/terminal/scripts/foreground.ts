// The script around one foreground command. $1 folder of Herald's notes, $2 run, $3 workspace, $4 folder or empty, $5 seconds, $6 pty yes/no,
// $7 mark, $8 program text of the command's shell. Standard input: the command. It ends by printing the mark and a report.
import { COMMON } from './common.ts';

/**
 * Whoever asked may be gone, so the time limit is kept here, on the machine. A TERM from outside (a stopped turn, a gateway that died) ends
 * the command likewise: politely, then with KILL, then what left the group.
 */
export const FOREGROUND = String.raw`
state=$1 run=$2 home=$3 dir=$4 seconds=$5 pty=$6 mark=$7 main=$8
set --
box=$state/runs/$run save=yes pid= dog= ended=exit code=97
${COMMON}
report() {
  printf '\000%s%s %s %s %s\000' "$mark" "$code" "$ended" "$moved" "$at"
}
finish() {
  trap '' TERM INT HUP
  if [ -e "$box/kept" ]; then
    mv -f "$box/env.part" "$snap"
    if [ -z "$dir" ]; then at=$(cat "$box/cwd"; echo x); at=${'$'}{at%?x}; mv -f "$box/cwd" "$state/shell/cwd"; fi
  fi
  if [ -e "$box/late" ]; then ended=timeout; fi
  rm -rf "$box"
}
old=$(umask); umask 077
mkdir -p "$box" "$state/shell" || exit 97
# What killed calls left; only looked at when there is much of it.
set -- "$state"/runs/*
[ $# -lt 20 ] || find "$state/runs" -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -rf {} + 2>/dev/null
echo $$ > "$box/outer"
cat > "$box/command"
printf '%s\n' "$main" > "$box/main"
umask "$old"
[ -d "$home" ] || mkdir -p "$home"
find_shell
if start_dir; then
  ( launch ) </dev/null &
  pid=$!
  # The shell's own word on how a child ended is no output of the command.
  exec 2>/dev/null
  cut() { ended=stopped; kill -TERM "-$pid" 2>/dev/null; ( sleep 0.3; kill -KILL "-$pid"; strays "$run" ) >/dev/null 2>&1 & }
  trap cut TERM INT HUP
  (
    trap 'kill "$!"; exit' TERM
    sleep "$seconds" &
    wait "$!"
    : > "$box/late"
    kill -TERM "-$pid"
    sleep 1 &
    wait "$!"
    kill -KILL "-$pid"
    strays "$run"
  ) </dev/null >/dev/null 2>&1 &
  dog=$!
  while :; do
    wait "$pid"; code=$?
    kill -0 "$pid" 2>/dev/null || break
  done
  kill -TERM "$dog" 2>/dev/null
  end_group "$pid"
  if [ "$ended" = stopped ] || [ -e "$box/late" ]; then strays "$run"; fi
else
  code=96
fi
finish
report
exit 0
`;

/** Ends run $2 from another call, on machines where calls see each other's processes. */
export const STOP_FOREGROUND = String.raw`
if [ -r "$1/runs/$2/outer" ]; then kill -TERM "$(cat "$1/runs/$2/outer")" 2>/dev/null; fi
exit 0
`;
