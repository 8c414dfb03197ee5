#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Rehearse with an installed collection alone: its own stand-ins, built from its sources, and its own playbooks.
# usage: rehearse_installed.sh COLLECTION DIR
# COLLECTION is .../ansible_collections/homeward/asr; python, go and ansible-playbook come from PATH.
set -euo pipefail

collection=$1 dir=$2
collections=$(cd "$collection/../../.." && pwd)

rehearsal() {
  PYTHONPATH=$collection/extensions python -m rehearsal "$@"
}
trap 'rehearsal down --dir "$dir" || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

rehearsal up --fleet classic-12 --dir "$dir" --collections-path "$collections"
# shellcheck disable=SC1091 # written by the line above
. "$dir/env"
ASR_REHEARSAL_CONTROL=$(python -c 'import json, sys; print(json.load(open(sys.argv[1]))["control"])' "$dir/azure.json")
export ASR_REHEARSAL_CONTROL
cd "$dir"
for playbook in "$collection"/playbooks/*.yml; do
  ansible-playbook --syntax-check "homeward.asr.$(basename "$playbook" .yml)"
done
ansible-playbook homeward.asr.prepare -e "@$dir/vars.yml" --check
ansible-playbook homeward.asr.rehearse -e "@$dir/vars.yml"
