// Shell code that foreground commands and background jobs share. POSIX sh, and what GNU, busybox and BSD tools all know.

/** Processes of run $1 still carry its name in their environment, wherever they went. */
export const STRAYS = String.raw`
strays() {
  [ -d /proc/self ] || return 0
  grep -lzF "HERALD_RUN=$1." /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ stray _; do kill -KILL "$stray" 2>/dev/null; done
}
`;

/**
 * find_shell sets $kind to bash where there is one, else sh, and $snap to the file that holds the environment in that shell's words.
 * leader runs its arguments as the first process of a session and group of its own. strays ends processes that
 * left the group.
 */
export const COMMON = String.raw`
find_shell() {
  if command -v bash >/dev/null 2>&1; then kind=bash; else kind=sh; fi
  snap=$state/shell/env.$kind
}
start_dir() {
  moved=no
  if [ -n "$dir" ]; then
    case $dir in
      /*) at=$dir ;;
      '~') at=$HOME ;;
      '~/'*) at=$HOME/${'$'}{dir#'~/'} ;;
      *) at=$home/$dir ;;
    esac
    cd -- "$at" 2>/dev/null || { printf 'There is no folder %s to work in.\n' "$at"; return 1; }
    return 0
  fi
  at=$home
  if [ -s "$state/shell/cwd" ]; then at=$(cat "$state/shell/cwd"; echo x); at=${'$'}{at%?x}; fi
  cd -- "$at" 2>/dev/null && return 0
  moved=yes; at=$home
  cd -- "$at" 2>/dev/null || { printf 'The workspace %s is not there.\n' "$at"; return 1; }
}
leader() {
  if command -v setsid >/dev/null 2>&1; then exec setsid "$@"
  elif command -v perl >/dev/null 2>&1; then exec perl -e 'use POSIX; POSIX::setsid(); exec @ARGV or exit 127' "$@"
  else exec "$@"; fi
}
# With a snapshot it is the whole environment, so that what was unset stays unset.
launch() {
  if [ -r "$snap" ]; then set -- env -i PATH="$PATH" "$@"; else set -- env "$@"; fi
  set -- "$@" HERALD_RUN="$run." H_BOX="$box" H_SNAP="$snap" H_DIR="$at" H_KIND="$kind" H_SAVE="$save" H_LIMITS="$HERALD_LIMITS"
  if [ "$pty" != yes ]; then leader "$@" "$kind" "$box/main"; fi
  set -- "$@" H_TERM="$TERM" TERM=xterm-256color H_PTY=yes
  if script --version 2>/dev/null | grep -q util-linux; then
    leader "$@" SHELL=/bin/sh script -q -e -c 'exec "$H_KIND" "$H_BOX/main"' /dev/null
  elif [ "$(uname)" = Darwin ]; then
    leader "$@" script -q /dev/null "$kind" "$box/main"
  elif command -v python3 >/dev/null 2>&1; then
    leader "$@" python3 -c 'import os,pty,sys; s=pty.spawn([os.environ["H_KIND"],os.environ["H_BOX"]+"/main"]); sys.exit(os.waitstatus_to_exitcode(s) & 255)'
  fi
  echo 'There is no program here that makes a pseudo-terminal (script of util-linux, or python3): run it without pty.'
  exit 126
}
group_lives() { kill -0 "-$1" 2>/dev/null; }
end_group() {
  group_lives "$1" || return 0
  kill -TERM "-$1" 2>/dev/null
  left=10
  while [ "$left" -gt 0 ] && group_lives "$1"; do sleep 0.05; left=$((left - 1)); done
  kill -KILL "-$1" 2>/dev/null
}
${STRAYS}`;

/**
 * What runs the command: in bash or sh, with the environment of the last call. Only builtins after the environment is there, whatever PATH
 * it holds. The person's command is read from its file, so nothing in it can break out of a quotation.
 */
export const MAIN = String.raw`
unset _term
_h=$H_BOX _snap=$H_SNAP _dir=$H_DIR _save=$H_SAVE _run=$HERALD_RUN _pty=$H_PTY
[ -z "$H_LIMITS" ] || eval "$H_LIMITS" 2>/dev/null
unset H_BOX H_SNAP H_DIR H_KIND H_SAVE H_PTY H_LIMITS HERALD_LIMITS
[ -z "$_pty" ] || export TERM="$H_TERM"
unset H_TERM
[ -r "$_snap" ] && . "$_snap"
if [ -n "$_pty" ]; then
  _term=${'$'}{TERM-dumb}; export TERM=xterm-256color; unset SHELL
  stty rows 24 cols 80 2>/dev/null
fi
_old=$OLDPWD; cd -- "$_dir"; OLDPWD=$_old
export HERALD_RUN="$_run"
unset _snap _dir _old _run _pty
_keep() {
  unset HERALD_RUN
  [ -z "$_term" ] || TERM=$_term
  unset _term
  export -p > "$_h/env.part" && pwd > "$_h/cwd" && : > "$_h/kept"
}
[ "$_save" = no ] || trap '{ _keep; } 2>/dev/null' EXIT
unset _save
. "$_h/command"
`;
