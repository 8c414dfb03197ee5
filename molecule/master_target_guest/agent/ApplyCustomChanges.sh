#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Stand-in for the script of the same name in the agent's archive. Behaves as its public relatives do: a question on standard input
# with No as the default, a marker, multipath.conf overwritten so that multipath takes every disk, nothing on a second run, exit 0 then.
[ -r /etc/asr-standin.conf ] && . /etc/asr-standin.conf
marker=/etc/.appliedmtcustomchanges
echo "apply" >>/var/log/asr-standin.runs
if [ "$EUID" -ne 0 ]; then echo "Run this as root."; exit 1; fi
if [ -e "$marker" ]; then echo "This was invoked already."; exit 0; fi
read -r -p "Change this system for a master target? Y|N [N] " answer
case $answer in Y | y) ;; *) exit 1 ;; esac
for package in multipath-tools lsscsi kpartx lvm2; do
  if ! dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i'; then
    echo "$package" >>/var/log/missing-packages.log
    echo "Packages are missing: see /var/log/missing-packages.log."
    exit 1
  fi
done
cat >/etc/multipath.conf <<'CONF'
defaults {
    user_friendly_names no
    find_multipaths no
}
blacklist {
    device {
        vendor "InMage"
        product ".*"
    }
}
CONF
touch "$marker"
echo "applied $(date -u +%s)" >>/var/log/appliedmtcustomchanges.log
if [ -n "${PAUSE:-}" ]; then
  touch /var/log/asr-standin.paused
  sync
  sleep "$PAUSE"
fi
echo "A reboot is required."
