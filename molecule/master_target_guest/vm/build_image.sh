#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the machine's disk from Debian packages: build_image.sh CACHE FLAVOUR, where FLAVOUR is `ready` (the role's packages
# are in it) or `bare` (they are not). Leaves CACHE/FLAVOUR.qcow2, FLAVOUR.vmlinuz, FLAVOUR.initrd and a key pair CACHE/key;
# does nothing when they are there. No boot loader and no loop device: qemu boots kernel and initrd directly.
set -euo pipefail

cache=$1
flavour=$2
suite=bookworm
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$cache"
cd "$cache"
exec 9>"$flavour.lock"
flock 9
# A change of this script is a change of the image.
made_from=$(sha256sum <"$here/$(basename "$0")")
if [ -f "$flavour.made-from" ] && [ "$(cat "$flavour.made-from")" = "$made_from" ] && [ -f key ]; then
  exit 0
fi
if [ ! -f key ]; then
  ssh-keygen -q -t ed25519 -N '' -C 'made for one test' -f key
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"
root="$work/root"

# Where this machine gets Debian from, this one does, too.
apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
  awk -v suite="$suite" '$1 == "Debian" && ($2 == suite || $2 == suite "-security" || $2 == suite "-updates") {print "deb", $3, $2, $4}' |
  sort -u >"$work/sources.list"
if ! grep -q " $suite " "$work/sources.list"; then
  echo "apt on this machine knows no source of Debian $suite; add one and run apt-get update." >&2
  exit 1
fi
options=()
proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy)
if [ -n "$proxy" ]; then
  options+=(--aptopt="Acquire::http::Proxy \"$proxy\"")
fi

packages=linux-image-cloud-amd64,initramfs-tools,systemd-sysv,dbus,udev,kmod,iproute2,procps,openssh-server,python3
packages+=,python3-apt,ca-certificates,e2fsprogs,sudo,ufw
if [ "$flavour" = ready ]; then
  packages+=,multipath-tools,lsscsi,kpartx,lvm2,python3-pyasn1
  # Managers of the network, for the scenario guest_network; they leave eth0 alone and do not start unless that asks for it.
  packages+=,network-manager,netplan.io,ifupdown
fi

# Only what this machine boots from goes into the initramfs; unpacking more takes seconds of software emulation.
early="$work/early.sh"
printf '#!/bin/sh\nmkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"\n' >"$early"
printf 'printf "MODULES=list\\nCOMPRESS=gzip\\nRESUME=none\\n" >"$1/etc/initramfs-tools/conf.d/small"\n' >>"$early"
printf 'printf "virtio_pci\\nvirtio_blk\\next4\\n" >"$1/usr/share/initramfs-tools/modules.d/small"\n' >>"$early"
chmod 0755 "$early"

mmdebstrap --quiet --variant=minbase --include="$packages" "${options[@]}" \
  --essential-hook="$early" \
  --dpkgopt=force-unsafe-io \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$suite" "$root" - <"$work/sources.list"

# Software emulation takes minutes for an initramfs, and the one from here is what boots.
sed -i 's/^update_initramfs=.*/update_initramfs=no/' "$root/etc/initramfs-tools/update-initramfs.conf"
echo 'force-unsafe-io' >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
echo mt-linux-01 >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 mt-linux-01\n' >"$root/etc/hosts"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n' >"$root/etc/systemd/network/eth0.network"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 key.pub "$root/root/.ssh/authorized_keys"
# A session of systemd and a message of the day for each login take seconds of software emulation.
echo 'UsePAM no' >"$root/etc/ssh/sshd_config.d/plain.conf"
for unit in systemd-networkd.service ssh.service; do
  chroot "$root" systemctl --quiet enable "$unit"
done
if [ "$flavour" = ready ]; then
  chroot "$root" systemctl --quiet disable NetworkManager.service NetworkManager-wait-online.service networking.service
  # Of what comes and goes with them, only NetworkManager's own libraries: keeping packages on an emulated machine takes its time.
  chroot "$root" dpkg-query -W -f '${Package}\n' | grep -vxE 'libnm0|libndp0|libteamdctl0' | chroot "$root" xargs apt-mark manual >/dev/null
  printf '[main]\nno-auto-default=*\n[keyfile]\nunmanaged-devices=interface-name:eth0\n' >"$root/etc/NetworkManager/conf.d/eth0.conf"
fi
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service e2scrub_all.timer fstrim.timer \
  systemd-networkd-wait-online.service systemd-timesyncd.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# A first boot would go through all units and users again, and start what was disabled above.
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
touch "$root/etc/.updated" "$root/var/.updated"
rm -rf "$root/var/cache/apt/archives"/*.deb

cp -L "$root"/boot/vmlinuz-* "$flavour.vmlinuz"
cp -L "$root"/boot/initrd.img-* "$flavour.initrd"
mke2fs -q -t ext4 -d "$root" "$work/root.raw" 4G
qemu-img convert -O qcow2 "$work/root.raw" "$work/root.qcow2"
mv "$work/root.qcow2" "$flavour.qcow2"
echo "$made_from" >"$flavour.made-from"
