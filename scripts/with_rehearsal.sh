#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Start the stand-ins, run one command against them, and stop them again whatever happens. The exit code is the command's.
# usage: with_rehearsal.sh FLEET DIR "UP OPTIONS" COMMAND [ARGUMENT ...]
# The command finds the rehearsal's environment set, and ASR_REHEARSAL_DIR and ASR_REHEARSAL_CONTROL beside it.
# ANSIBLE_BIN may name the bin directory of another virtual environment, whose tools then come first.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
fleet=$1 dir=$2 up_options=$3
shift 3
python=$root/.build/venv/bin/python

rehearsal() {
  PYTHONPATH=$root/extensions "$python" -m rehearsal "$@"
}
stop() {
  rehearsal down --dir "$dir" || true
}
child=
interrupted() { # a terminal's Ctrl-C reaches the command directly; kill and a lost terminal do not
  if [ -n "$child" ]; then
    [ "$1" = 130 ] || kill -TERM "$child" 2>/dev/null || true
    wait "$child" || true
  fi
  exit "$1"
}
trap stop EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
trap 'interrupted 129' HUP

# shellcheck disable=SC2086 # the options are several words on purpose
rehearsal up --fleet "$fleet" --dir "$dir" --vcenter-binary "$root/.build/bin/vcenter-standin" $up_options
# shellcheck disable=SC1091 # written by the line above
. "$dir/env"
if [ -n "${ANSIBLE_BIN:-}" ]; then
  export PATH=$ANSIBLE_BIN:$PATH
fi
ASR_REHEARSAL_CONTROL=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["control"])' "$dir/azure.json")
export ASR_REHEARSAL_CONTROL ASR_REHEARSAL_DIR=$dir
unset PYTHONPATH
# In the background, because bash acts on a signal only when a command in the foreground has ended.
(trap - INT; exec "$@") <&0 &
child=$!
wait "$child"
