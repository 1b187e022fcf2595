// Scripts around background jobs. A job is a folder in Herald's notes on its machine: `command`, the pipes `in` (its input) and `ctl` (to its
// supervisor), `log.0`, `log.n` … (what it prints), `exit` (status and time, there once it is over).
import { COMMON, STRAYS } from './common.ts';

/** Exit statuses of the scripts below. */
export const TOO_MANY = 61;
export const NO_FOLDER = 62;
export const NO_JOB = 63;
export const NOT_RUNNING = 64;
export const NOT_READING = 65;

const FINISHED_KEPT = 20;
/**
 * One piece of the log ends after so many reads of at most so many bytes: 4 MiB, or less of a program that prints in small pieces. The first
 * piece and the last two are kept. dd, because it writes what it has read at once, reads no byte too many, and is everywhere.
 */
const READ_BYTES = 512;
const READS = 8192;

/**
 * $1 folder of notes, $2 job, $3 folder to run in, $4 pty. Lives as long as the job; the only process that signals it, because only a parent
 * can be sure that a process id is still its child's. Told over `ctl`, since later calls may be unable to see its process.
 */
const SUPERVISE = String.raw`
state=$1 run=$2 at=$3 pty=$4
set --
box=$state/jobs/$run save=no
${COMMON}
keep_log() {
  n=0 gone=0
  while dd bs=${READ_BYTES} count=${READS} of="log.$n" 2>/dev/null && [ -s "log.$n" ]; do
    old=$((n - 2)) n=$((n + 1))
    if [ "$old" -ge 1 ]; then
      gone=$((gone + $(wc -c < "log.$old")))
      printf '%s\n' "$gone" > gone.part; mv -f gone.part gone; rm -f "log.$old"
    fi
  done
  # A full disk must not hold the job up.
  cat >/dev/null
  : > logged
}
obey() {
  while IFS= read -r word; do
    case $word in
      PING)
        if kill -0 "$$"; then : > pong; continue; fi
        # The supervisor was killed: without it nobody would know of the job.
        kill -KILL "-$pid"; strays "$run"
        printf 'lost %s\n' "$(date +%s)" > exit
        break
        ;;
      TERM | INT | HUP | KILL)
        : > killed
        kill "-$word" "-$pid"
        [ "$word" = INT ] || ( sleep 2; [ -e exit ] || { kill -KILL "-$pid"; strays "$run"; } ) &
        ;;
    esac
  done
}
cd "$box" || exit 1
find_shell
exec 8<>ctl 9<>in
keep_log <out 8<&- 9<&- &
( launch ) <in >out 2>&1 8<&- 9<&- &
pid=$!
obey <&8 8<&- 9<&- &
ctl=$!
while :; do
  wait "$pid"; code=$?
  kill -0 "$pid" 2>/dev/null || break
done
end_group "$pid"
[ ! -e killed ] || strays "$run"
n=0
while [ ! -e logged ] && [ "$n" -lt 40 ]; do sleep 0.05; n=$((n + 1)); done
kill "$ctl"
printf '%s %s\n' "$code" "$(date +%s)" > exit.part
# Before the pipes go: without both, it would look as if the supervisor had been killed.
[ -e exit ] || mv -f exit.part exit
rm -f in out ctl pong logged main
# In a process space of its own nobody else would ever end what is left.
[ "$HERALD_OWN_PIDS" != yes ] || kill -KILL -1
`;

/**
 * Names the life of the machine, or of the container that it is: what ran in an earlier one is lost. Not where each call has a process space of
 * its own, whose first process is another each time.
 */
const EPOCH = String.raw`
epoch() {
  cat /proc/sys/kernel/random/boot_id 2>/dev/null
  [ "$HERALD_OWN_PIDS" = yes ] || sed 's/.*) //' /proc/1/stat 2>/dev/null | cut -d ' ' -f 20
}
`;

/** $1 notes, $2 job, $3 workspace, $4 folder or empty, $5 pty, $6 most jobs at once, $7 program text, $8 supervisor. Input: the command. */
export const START_JOB = String.raw`
state=$1 run=$2 home=$3 dir=$4 pty=$5 most=$6 main=$7 supervise=$8
set --
${COMMON}${EPOCH}
box=$state/jobs/$run
( umask 077; mkdir -p "$state/jobs" "$state/shell" ) || exit 1
[ -d "$home" ] || mkdir -p "$home"
live=0
for other in "$state"/jobs/*; do [ ! -d "$other" ] || [ -e "$other/exit" ] || live=$((live + 1)); done
[ "$live" -lt "$most" ] || exit ${TOO_MANY}
start_dir || exit ${NO_FOLDER}
ls -1t "$state"/jobs/*/exit 2>/dev/null | tail -n +${FINISHED_KEPT + 1} | while IFS= read -r old; do rm -rf "${'$'}{old%/exit}"; done
old=$(umask); umask 077
mkdir "$box" && cat > "$box/command" && printf '%s\n' "$main" > "$box/main" && mkfifo "$box/in" "$box/out" "$box/ctl" || exit 1
printf '%s\n' "$supervise" > "$box/supervise"
epoch > "$box/epoch"
umask "$old"
( leader sh "$box/supervise" "$state" "$run" "$at" "$pty" ) </dev/null >/dev/null 2>&1 &
exit 0
`;

/** For scriptWith's arguments. */
export const SUPERVISOR = SUPERVISE;

const INSPECT = String.raw`${STRAYS}${EPOCH}
cat_log() { ls log.* 2>/dev/null | sort -t. -k2n | while IFS= read -r piece; do cat "$piece" 2>/dev/null; done; }
size_log() {
  total=0
  for piece in log.*; do [ -f "$piece" ] && total=$((total + $(wc -c < "$piece"))); done
  gone=0; [ ! -s gone ] || gone=$(cat gone)
  total=$((total + gone))
}
# A supervisor that was killed leaves no exit status: it is asked, and has ten seconds, for a machine may be very busy.
settle() {
  [ ! -e exit ] || return 0
  if [ -p ctl ] && [ "$(epoch)" = "$(cat epoch)" ]; then
    rm -f pong
    exec 7<>ctl
    echo PING >&7
    n=0
    while [ "$n" -lt 250 ] && [ ! -e pong ] && [ ! -e exit ]; do sleep 0.04; n=$((n + 1)); done
    exec 7>&-
    if [ -e pong ] || [ -e exit ]; then return 0; fi
  fi
  [ ! -e exit ] || return 0
  printf 'lost %s\n' "$(date +%s)" > exit
  strays "${'$'}{PWD##*/}"
}
tell() {
  size_log
  ended='- 0'; [ ! -s exit ] || ended=$(head -n 1 exit)
  printf '%s %s %s %s\n' "$1" "$total" "$gone" "$ended"
}
`;

/** $1 notes. One line per job: id, bytes printed, bytes dropped, exit status or -, time. */
export const LIST_JOBS = String.raw`
cd "$1/jobs" 2>/dev/null || exit 0
${INSPECT}
for box in *; do
  [ -d "$box" ] || continue
  ( cd "$box" && settle && tell "$box" ) 2>/dev/null
done
exit 0
`;

/** $1 notes, $2 job, $3 `check` to find out whether it still runs, $4 bytes already read, $5 most bytes, $6 `first` or `last`. */
export const READ_JOB = String.raw`
cd "$1/jobs/$2" 2>/dev/null || exit ${NO_JOB}
${INSPECT}
id=$2 check=$3 from=$4 most=$5 which=$6
[ "$check" != check ] || settle
tell "$id"
fresh=$((total - from))
[ "$fresh" -gt 0 ] || exit 0
if [ "$which" = first ]; then cat_log | tail -c "$fresh" | head -c "$most"; else cat_log | tail -c "$fresh" | tail -c "$most"; fi
exit 0
`;

/** $1 notes, $2 job, $3 first line from 1 or 0 for the last ones, $4 lines. */
export const LOG_JOB = String.raw`
cd "$1/jobs/$2" 2>/dev/null || exit ${NO_JOB}
${INSPECT}
id=$2 from=$3 lines=$4
settle
tell "$id"
cat_log | wc -l
if [ "$from" -gt 0 ]; then cat_log | tail -n "+$from" | head -n "$lines"; else cat_log | tail -n "$lines"; fi
exit 0
`;

/** $1 notes, $2 job, $3 the word for the supervisor. Waits until it is over, at most six seconds. */
export const KILL_JOB = String.raw`
cd "$1/jobs/$2" 2>/dev/null || exit ${NO_JOB}
${INSPECT}
id=$2
settle
if [ ! -e exit ]; then
  exec 7<>ctl
  echo "$3" >&7
  n=0
  while [ "$n" -lt 120 ] && [ ! -e exit ]; do sleep 0.05; n=$((n + 1)); done
  exec 7>&-
fi
tell "$id"
`;

/**
 * $1 notes, $2 job whose start was cut off, $3 the word. The start may still be under way over there: whoever makes the folder first wins, so
 * it either finds its place taken, or is far enough to be ended.
 */
export const UNDO_START = String.raw`
( umask 077; mkdir -p "$1/jobs"; mkdir "$1/jobs/$2" ) 2>/dev/null && { printf 'lost %s\n' "$(date +%s)" > "$1/jobs/$2/exit"; exit 0; }
n=0
while [ ! -p "$1/jobs/$2/ctl" ] && [ ! -e "$1/jobs/$2/exit" ] && [ "$n" -lt 40 ]; do sleep 0.05; n=$((n + 1)); done
${KILL_JOB}`;

/** $1 notes. Ends all jobs, and waits for it at most three seconds. */
export const END_JOBS = String.raw`
cd "$1/jobs" 2>/dev/null || exit 0
for box in *; do
  if [ -p "$box/ctl" ] && [ ! -e "$box/exit" ]; then
    exec 7<>"$box/ctl"; echo KILL >&7; exec 7>&-
  fi
done
n=0
for box in *; do
  while [ "$n" -lt 60 ] && [ -d "$box" ] && [ ! -e "$box/exit" ]; do sleep 0.05; n=$((n + 1)); done
done
exit 0
`;

/** $1 notes, $2 job. Input: what the job reads. A pipe that nobody empties takes no more after 64 KiB. */
export const WRITE_JOB = String.raw`
cd "$1/jobs/$2" 2>/dev/null || exit ${NO_JOB}
${INSPECT}
settle
[ ! -e exit ] && [ -p in ] || exit ${NOT_RUNNING}
if command -v timeout >/dev/null 2>&1; then timeout 5 sh -c 'cat > in' || exit ${NOT_READING}; else cat > in || exit ${NOT_READING}; fi
`;
