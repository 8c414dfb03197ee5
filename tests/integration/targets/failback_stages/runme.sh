#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Stages 2 and 3 with the real playbooks: two machines come back from Azure, on stand-ins of the vault and of vCenter.
set -eux

root=${ANSIBLE_COLLECTIONS_PATH%%:*}/ansible_collections/homeward/asr
dir=$(mktemp -d)/rehearsal
rehearsal() {
  PYTHONPATH=$root/extensions python -m rehearsal "$@"
}
trap 'rehearsal down --dir "$dir"; rm -rf "$(dirname "$dir")"' EXIT

# `make setup` has built the stand-in of vCenter; without it, it is built here.
up=(up --fleet "$PWD/fleet.yml" --dir "$dir" --collections-path "${ANSIBLE_COLLECTIONS_PATH%%:*}")
if [ -x "$root/.build/bin/vcenter-standin" ]; then
  up+=(--vcenter-binary "$root/.build/bin/vcenter-standin")
fi
rehearsal "${up[@]}"
set +x
# shellcheck disable=SC1091 # written by the line above
. "$dir/env"
set -x

for stage in stage_2_reprotect_to_onprem stage_3_failover_to_onprem; do
  ansible-playbook "homeward.asr.$stage" -e "@$dir/vars.yml" -e asr_commit_when=verified "$@"
done

python - "$dir/azure.json" <<'PYTHON'
import json
import sys
import urllib.request

with open(sys.argv[1]) as stream:
    control = json.load(stream)["control"]
for name in ("web-01", "web-02"):
    with urllib.request.urlopen(f"{control}/items/{name}") as answer:
        phase = json.load(answer)["phase"]
    assert phase == "home_unprotected", f"{name} is {phase}"
PYTHON
