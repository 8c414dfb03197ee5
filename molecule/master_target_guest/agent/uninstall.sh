#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Stand-in for the agent's uninstaller: -Y. The marker of ApplyCustomChanges.sh goes with it.
[ -r /etc/asr-standin.conf ] && . /etc/asr-standin.conf
echo "uninstall $*" >>/var/log/asr-standin.runs
[ "$1" = -Y ] || exit 1
systemctl stop vxagent || exit 2
systemctl disable --quiet vxagent
rm -f /etc/systemd/system/vxagent.service /etc/.appliedmtcustomchanges /usr/local/.vx_version
systemctl daemon-reload
echo "Uninstalled" >>/var/log/ua_uninstall.log
rm -rf "$(cd "$(dirname "$0")" && pwd)/Vx"
