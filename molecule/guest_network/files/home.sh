# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cat >/etc/NetworkManager/conf.d/eth0.conf <<'END'
[main]
no-auto-default=*
[keyfile]
unmanaged-devices=interface-name:eth0;interface-name:eth2;interface-name:eth3
END
install -m 600 /dev/stdin '/etc/NetworkManager/system-connections/Home LAN.nmconnection' <<'END'
[connection]
id=Home LAN
uuid=6b1f6d0f-53a1-4a2b-9d3c-0f4d2f6a1e11
type=ethernet
interface-name=eth1

[ipv4]
method=manual
address1=10.0.3.77/24
dns=10.0.2.3;
route1=198.51.100.0/24,10.0.3.2

[ipv6]
method=disabled
END
install -m 600 /dev/stdin /etc/NetworkManager/system-connections/office.nmconnection <<'END'
[connection]
id=office
uuid=8c1f6d0f-53a1-4a2b-9d3c-0f4d2f6a1e22
type=wifi
autoconnect=false

[wifi]
ssid=office

[wifi-security]
key-mgmt=wpa-psk
psk=not-for-the-record
END
install -m 600 /dev/stdin /etc/netplan/10-home.yaml <<'END'
network:
  version: 2
  ethernets:
    eth2:
      accept-ra: false
      link-local: []
      addresses: [10.0.4.77/24]
      routes:
        - to: 203.0.113.0/24
          via: 10.0.4.2
END
printf 'auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n' >/etc/network/interfaces
printf 'auto eth3\niface eth3 inet static\n  address 10.0.5.77/24\n  up ip route add 192.0.2.0/24 via 10.0.5.2 dev eth3\n' >/etc/network/interfaces.d/eth3
systemctl --quiet enable NetworkManager.service networking.service
# What `netplan apply` comes to here, without its Python.
/usr/lib/netplan/generate
networkctl reload
networkctl reconfigure eth2
systemctl restart NetworkManager.service networking.service
n=0
until ip -o -4 addr show dev eth1 | grep -q 10.0.3.77 && ip -o -4 addr show dev eth2 | grep -q 10.0.4.77; do
  n=$((n + 1)); [ $n -lt 120 ] || exit 1
  sleep 1
done
