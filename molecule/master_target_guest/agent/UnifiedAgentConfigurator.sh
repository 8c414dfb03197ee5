#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Stand-in for the agent's configurator: -i SERVER -P FILE. Notes how the passphrase reached it, never the passphrase.
[ -r /etc/asr-standin.conf ] && . /etc/asr-standin.conf
server= file=
while getopts i:P: option; do
  case $option in i) server=$OPTARG ;; P) file=$OPTARG ;; *) exit 3 ;; esac
done
[ -n "$server" ] || exit 2
[ -f "$file" ] || exit 102
passphrase=$(cat "$file")
seen=no
for line in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do
  # Read by this shell itself: a program for it would show the passphrase.
  while IFS= read -r -d '' word; do case $word in *"$passphrase"*) seen=yes ;; esac; done <"$line"
done 2>/dev/null
echo "register $server mode=$(stat -c %a "$file") seen=$seen sum=$(sha256sum <<<"$passphrase" | cut -c1-64)" >>/var/log/asr-standin.runs
if [ -n "${REGISTER_EXIT:-}" ]; then
  echo "Registration ended with $REGISTER_EXIT" >>/var/log/ua_install.log
  exit "$REGISTER_EXIT"
fi
directory=$(sed -n 's/^INSTALLATION_DIR=//p' /usr/local/.vx_version)
conf=$directory/Vx/etc/drscout.conf
sed -i '/^HostId\|^Hostname/d' "$conf"
printf 'Hostname = %s\nHostId = %s\n' "$server" "$(cat /proc/sys/kernel/random/uuid)" >>"$conf"
touch "$directory/Vx/etc/registered"
systemctl enable --quiet --now vxagent
echo "Registration has succeeded" >>/var/log/ua_install.log
