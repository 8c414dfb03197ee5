# SPDX-License-Identifier: GPL-3.0-or-later
# What recovery in Azure does to a Linux machine: no NetworkManager, DHCP everywhere, fstab and LVM altered.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -y -q purge --autoremove network-manager >/dev/null
test ! -e /etc/NetworkManager/system-connections/office.nmconnection || rm -r /etc/NetworkManager
printf '[Match]\nName=eth1\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n' >/etc/systemd/network/05-azure.network
printf 'network:\n  version: 2\n  ethernets:\n    eth2: {dhcp4: true, accept-ra: false, link-local: []}\n' >/etc/netplan/10-home.yaml
printf 'network:\n  version: 2\n  ethernets:\n    eth9: {dhcp4: true, optional: true}\n' >/etc/netplan/90-azure.yaml
printf 'auto lo\niface lo inet loopback\nauto eth3\niface eth3 inet manual\n  up ip addr add 10.0.5.15/24 dev eth3\n' >/etc/network/interfaces
rm /etc/network/interfaces.d/eth3
echo '/dev/disk/cloud/azure_resource-part1 /mnt auto defaults,nofail 0 2' >>/etc/fstab
printf 'global { use_lvmlockd = 0 }\n' >/etc/lvm/lvmlocal.conf
