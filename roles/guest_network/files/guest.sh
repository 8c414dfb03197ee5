#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What the role guest_network does inside a Linux guest, as root: guest.sh COMMAND. Plain sh, no Python.
#   survey           prints what is there; plugins/plugin_utils/guest/network/survey.py reads it. Changes nothing.
#   keep [check]     keeps configuration files (with their secrets) and packages of the network managers below $S/kept.
#   put SECONDS      reads the plan from standard input, saves what it changes, starts the timer that rolls back, and writes files. Prints
#                    what it did; "NOT INSTALLED" where the kept packages could not be installed.
#   start            lets services start with the machine or not, then makes the network managers use the files of now, detached from who
#                    asks (apply), and looks at the result: addresses and gateways. $G/checked has a line for each problem, and "checked" at last.
#   cancel           stops the timer; the saved files stay below $S/before.
#   rollback         puts back what put saved. The timer calls it; so does a run that finds a guard of an earlier one.
# Each process that is started takes its time, on a busy machine more than anything else here.
LC_ALL=C; export LC_ALL
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH; export PATH
umask 077
S=/var/lib/homeward-asr/network
G=$S/guard
UNIT=homeward-asr-network-guard
UNITS="NetworkManager.service systemd-networkd.service networking.service network.service wicked.service systemd-resolved.service"
DEBS="network-manager netplan.io ifupdown"
RPMS="NetworkManager network-scripts netplan wicked"

say() { echo; echo "#=# $1"; }
has() { command -v "$1" >/dev/null 2>&1; }

network_files() {
  for f in /etc/hostname /etc/resolv.conf /etc/systemd/resolved.conf /etc/systemd/resolved.conf.d/* \
    /etc/NetworkManager/NetworkManager.conf /etc/NetworkManager/conf.d/* /etc/NetworkManager/system-connections/* \
    /etc/netplan/*.yaml /etc/network/interfaces /etc/network/interfaces.d/* /etc/systemd/network/* \
    /etc/sysconfig/network /etc/sysconfig/network-scripts/ifcfg-* /etc/sysconfig/network-scripts/keys-* \
    /etc/sysconfig/network-scripts/route-* /etc/sysconfig/network-scripts/route6-* /etc/sysconfig/network-scripts/rule-* \
    /etc/sysconfig/network/config /etc/sysconfig/network/routes /etc/sysconfig/network/ifcfg-* /etc/sysconfig/network/ifroute-* \
    /etc/cloud/cloud.cfg.d/*net*; do
    case $f in *~|*.bak|*.dpkg-*|*.rpmsave|*.rpmnew|*.rpmorig|*/ifcfg-lo) continue ;; esac
    if [ -f "$f" ] || [ -h "$f" ]; then printf '%s\n' "$f"; fi
  done
}
storage_files() {
  for f in /etc/fstab /etc/lvm/lvm.conf /etc/lvm/lvmlocal.conf /etc/lvm/devices/system.devices /etc/multipath.conf; do
    [ -f "$f" ] && printf '%s\n' "$f"
  done
}
# Reads paths; type, mode, owner, size and path, separated by tabs, for each that is a file or a link; then the files' content, all in one.
# $1 is the directory they lie below.
content() (
  cd "$1" || exit
  set -f; IFS='
'
  # shellcheck disable=SC2046
  set -- $(sed 's/^/./')
  [ $# -gt 0 ] || exit 0
  find "$@" -maxdepth 0 \( -type l -printf 'LINK\t%l\t%p\n' -o -type f -printf 'FILE\t%m\t%u:%g\t%s\t%p\n' \)
  printf 'DATA\t'
  find "$@" -maxdepth 0 -type f -exec cat '{}' + | gzip -c | base64 | tr -d '\n'
  echo
)
below() { (cd "$1" && find . \( -type f -o -type l \) | sed 's/^\.//'); }
states() {
  { systemctl show -p Id -p LoadState -p UnitFileState -p ActiveState "$@"; echo; } | while IFS= read -r x; do
    case $x in
      Id=*) u=${x#*=} ;;
      LoadState=*) l=${x#*=} ;;
      UnitFileState=*) e=${x#*=} ;;
      ActiveState=*) a=${x#*=} ;;
      '')
        if [ "$l" = loaded ]; then
          # Units made of init scripts have no state of their own there.
          case $e in enabled*|disabled|static|indirect|linked*|alias) ;; *) e=$(systemctl is-enabled "$u") ;; esac
          echo "$u ${e:-unknown} $a"
        fi
        u=; l=; e=; a= ;;
    esac
  done
}
managers() {
  # shellcheck disable=SC2086
  if has systemctl; then
    states $UNITS
  else
    for u in NetworkManager network; do
      [ -e "/etc/init.d/$u" ] || continue
      if chkconfig "$u"; then e=enabled; else e=disabled; fi
      if service "$u" status >/dev/null; then a=active; else a=inactive; fi
      echo "$u.service $e $a"
    done
  fi
}
installed() {
  if has dpkg-query; then
    # shellcheck disable=SC2086,SC2016
    dpkg-query -W -f '${Status} ${Package} ${Version}\n' "$@" | sed -n 's/^[a-z]* [a-z]* installed //p'
  elif has rpm; then
    rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}\n' "$@" | grep -v 'is not installed'
  fi
}

survey() {
  exec 2>/dev/null
  say user; id -u
  say dmi
  for f in sys_vendor product_name chassis_asset_tag; do x=; read -r x <"/sys/class/dmi/id/$f"; echo "$f=$x"; done
  say azure
  x=; read -r x </sys/class/dmi/id/sys_vendor
  case $x in
    VMware*) ;;
    *)
      u='http://169.254.169.254/metadata/instance/compute/azEnvironment?api-version=2021-02-01&format=text'
      if has curl; then curl -s -m 3 --noproxy '*' -H Metadata:true "$u"
      elif has wget; then wget -q -T 3 -t 1 -O - --no-proxy --header Metadata:true "$u"
      elif has python3; then
        python3 -c 'import sys, urllib.request as u; o = u.build_opener(u.ProxyHandler({})); r = u.Request(sys.argv[1], headers={"Metadata": "true"}); print(o.open(r, timeout=3).read().decode())' "$u"
      fi ;;
  esac
  say hostname; uname -n
  say links
  for d in /sys/class/net/*; do
    n=${d##*/}; p=virtual; [ -e "$d/device" ] && p=physical
    x=; m=
    read -r m <"$d/bonding_slave/perm_hwaddr" || read -r m <"$d/address"
    read -r x <"$d/ifindex"
    echo "$x $n $m $p"
  done
  say addresses; ip -o addr show
  say routes; ip -4 route show table main; ip -6 route show table main
  say resolver; if [ -r /run/systemd/resolve/resolv.conf ] && grep -q '127.0.0.53' /etc/resolv.conf; then cat /run/systemd/resolve/resolv.conf; else cat /etc/resolv.conf; fi
  say services; managers
  # shellcheck disable=SC2086
  say packages; if has dpkg-query; then installed $DEBS; else installed $RPMS; fi
  say files; network_files | content /
  say kept; [ -d $S/kept/files ] && below $S/kept/files | content $S/kept/files
  say kept_packages; cat $S/kept/packages/list
  say storage; storage_files | content /
  say kept_storage; [ -d $S/kept/storage ] && below $S/kept/storage | content $S/kept/storage
  say blocks; lsblk -rno NAME,UUID,LABEL,PARTUUID,PARTLABEL | tr ' ' '\n' | grep . | sort -u
  say mappers; ls /dev/mapper; find /dev -mindepth 2 -maxdepth 2 -type l -lname '*/dm-*' | sed 's#^/dev/##'
  say volumes
  if has vgs; then
    vgs --noheadings --separator ' ' -o vg_name,vg_uuid,pv_count,vg_missing_pv_count | sed 's/^ */VG /'
    lvs --noheadings --separator ' ' --units b --nosuffix -o vg_name,lv_name,lv_uuid,lv_size,lv_active | sed 's/^ */LV /'
  fi
  say tools; has systemctl && states vmtoolsd.service open-vm-tools.service
  say agents; installed walinuxagent WALinuxAgent python-azure-agent python3-azure-agent
  say pending; ls -d $G $G.rolling
  say end; echo ok
}

# A package built from what is installed: it needs no network, and its version is the one that was there.
repack() (
  umask 022
  w=$(mktemp -d $S/kept/work.XXXXXX); chmod 0755 "$w"; mkdir -m 0755 "$w/DEBIAN"
  dpkg-query -s "$1" | awk '/^[^ ]/ {skip = 0} /^(Status|Config-Version):/ {next} /^Conffiles:/ {skip = 1} !skip' >"$w/DEBIAN/control"
  base=/var/lib/dpkg/info/$1; [ -e "$base.list" ] || base=$(ls /var/lib/dpkg/info/"$1":*.list | head -n 1) && base=${base%.list}
  for part in preinst postinst prerm postrm config templates triggers shlibs symbols; do
    [ -e "$base.$part" ] && cp -p "$base.$part" "$w/DEBIAN/$part"
  done
  [ -e "$base.conffiles" ] && while read -r f; do [ -e "$f" ] && echo "$f"; done <"$base.conffiles" >"$w/DEBIAN/conffiles"
  dpkg-query -L "$1" | while IFS= read -r f; do
    case $f in /.|/bin|/sbin|/lib|/lib32|/lib64|/libx32) continue ;; esac
    if [ -e "$f" ] || [ -h "$f" ]; then printf '.%s\n' "$f"; fi
  done >"$w.list"
  tar -C / --no-recursion -cf "$w.tar" -T "$w.list" && tar -C "$w" -xpf "$w.tar" && chmod -R go+rX "$w/DEBIAN" &&
    dpkg-deb -Zgzip -z1 --build "$w" "$S/kept/packages/$1.deb" >/dev/null && ok=0 || ok=1
  rm -rf "$w" "$w.list" "$w.tar"
  exit $ok
)

# What a purge with everything only it needed would take away now, less what an autoremove would take in any case.
deb_closure() {
  # shellcheck disable=SC2086
  d=$(installed $DEBS | cut -d' ' -f1)
  [ -n "$d" ] || return 0
  apt-get -s autoremove | sed -n 's/^\(Remv\|Purg\) \([^ ]*\) .*/\2/p' | sort >"$S/kept/other"
  # shellcheck disable=SC2086
  apt-get -s purge --autoremove $d | sed -n 's/^\(Remv\|Purg\) \([^ ]*\) .*/\2/p' | sort | comm -23 - "$S/kept/other"
  rm -f "$S/kept/other"
}

keep() {
  if [ "$1" = check ]; then do=false; else do=true; mkdir -p $S/kept/files $S/kept/storage $S/kept/packages; fi
  for kind in files storage; do
    if [ $kind = files ]; then network_files; else storage_files; fi >"${TMPDIR:-/tmp}/kept.$$"
    while IFS= read -r f; do
      [ -h "$f" ] && [ "$(readlink "$f")" = "$(readlink "$S/kept/$kind$f")" ] && continue
      [ ! -h "$f" ] && cmp -s "$f" "$S/kept/$kind$f" && continue
      echo "KEPT $f"
      $do && (cd / && cp -a --parents ".$f" "$S/kept/$kind/")
    done <"${TMPDIR:-/tmp}/kept.$$"
    # What is no longer there is no longer part of the record.
    [ -d "$S/kept/$kind" ] && below "$S/kept/$kind" | grep -vxF -f "${TMPDIR:-/tmp}/kept.$$" | while IFS= read -r f; do
      echo "FORGOTTEN $f"; $do && rm -f "$S/kept/$kind$f"
    done
    rm -f "${TMPDIR:-/tmp}/kept.$$"
  done
  if has dpkg-deb; then
    # shellcheck disable=SC2086
    now=$(installed $DEBS)
    if [ -n "$now" ] && [ "$now" != "$(cat $S/kept/packages/of 2>/dev/null)" ]; then
      echo "KEPT packages: $(echo "$now" | tr '\n' ' ')"
      if $do; then
        rm -f $S/kept/packages/*
        for p in $(deb_closure); do repack "$p" && installed "$p" >>$S/kept/packages/list || echo "NOT KEPT $p"; done
        echo "$now" >$S/kept/packages/of
      fi
    fi
  elif has rpm; then
    # shellcheck disable=SC2086
    now=$(installed $RPMS)
    if [ -n "$now" ] && [ "$now" != "$(cat $S/kept/packages/of 2>/dev/null)" ]; then
      echo "KEPT packages: $(echo "$now" | tr '\n' ' ')"
      if $do; then
        rm -f $S/kept/packages/*
        all=$(rpm -qa --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n' 'NetworkManager*' network-scripts netplan wicked 'wicked-*')
        # shellcheck disable=SC2086
        if has dnf; then dnf -q download --destdir $S/kept/packages $all
        elif has yumdownloader; then yumdownloader -q --destdir $S/kept/packages $all
        elif has zypper; then zypper -q --pkg-cache-dir $S/kept/packages install -y -f --download-only $all; fi >/dev/null 2>&1
        for p in $(echo "$now" | cut -d' ' -f1); do
          if ls $S/kept/packages/"$p"-[0-9]*.rpm >/dev/null 2>&1; then installed "$p" >>$S/kept/packages/list; else echo "NOT KEPT $p"; fi
        done
        grep -q . $S/kept/packages/list 2>/dev/null && echo "$now" >$S/kept/packages/of
      fi
    fi
  fi
}

install_kept() {
  if has dpkg; then
    set --
    for f in $S/kept/packages/*.deb; do
      p=${f##*/}; p=${p%.deb}
      [ -n "$(installed "$p" 2>/dev/null)" ] || set -- "$@" "$f"
    done
    [ $# -gt 0 ] && DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i "$@" </dev/null
  else
    rpm -Uvh --replacepkgs --oldpackage $S/kept/packages/*.rpm
  fi
}

# Lines of the plan: "path PATH", "unit UNIT", "interface NAME MANAGER UUID", "address NAME ADDRESS", "gateway NAME ADDRESS", "hostname NAME",
# "enable UNIT", "disable UNIT". What put is to do begins with "do": "do directory PATH", "do write MODE OWNER BASE64 PATH",
# "do link BASE64 PATH", "do remove PATH", "do install".
of() { sed -n "s/^$1 //p" "$2/plan"; }

arm() {
  [ -e $G ] && { echo "a guard is already there" >&2; return 1; }
  rm -rf $G.new; mkdir -p $G.new/old
  cat >$G.new/plan
  of path $G.new | while IFS= read -r f; do
    if [ -e "$f" ] || [ -h "$f" ]; then (cd / && cp -a --parents ".$f" $G.new/old/); else printf '%s\n' "$f" >>$G.new/absent; fi
  done
  of unit $G.new | while read -r u; do
    echo "$u $(systemctl is-enabled "$u" 2>/dev/null || true) $(systemctl is-active "$u" 2>/dev/null || true)" >>$G.new/units
  done
  uname -n >$G.new/hostname
  mv $G.new $G
  systemctl stop $UNIT.timer 2>/dev/null; systemctl reset-failed $UNIT.service 2>/dev/null
  if has systemd-run; then systemd-run --quiet --unit=$UNIT --on-active="$1" --timer-property=AccuracySec=1s /bin/sh $S/guest.sh rollback
  else (sleep "$1"; exec /bin/sh $S/guest.sh rollback) </dev/null >/dev/null 2>&1 & fi
}

put() {
  rm -rf $S/put; mkdir $S/put
  cat >$S/put/all
  sed -n 's/^do //p' $S/put/all >$S/put/do
  grep -v '^do ' $S/put/all | arm "$1" && write_all
  set -- $?
  # It may hold secrets.
  rm -rf $S/put
  return "$1"
}

write_all() {
  # Complete or not at all, and in the place of a link, too. The old ones are kept below before/, not beside: some managers read every file.
  while read -r what rest; do
    case $what in
      directory) mkdir -p -m 0755 "$rest" ;;
      write)
        mode=${rest%% *}; rest=${rest#* }; owner=${rest%% *}; rest=${rest#* }
        f=${rest#* }; new=${f%/*}/.homeward-asr.new
        printf '%s' "${rest%% *}" | base64 -d >"$new" && chown "$owner" "$new" && chmod "$mode" "$new" && mv -f "$new" "$f" || return 1
        if has restorecon; then restorecon "$f"; fi
        echo "wrote $f" ;;
      link)
        f=${rest#* }
        ln -sfn "$(printf '%s' "${rest%% *}" | base64 -d)" "$f" || return 1
        echo "linked $f" ;;
      remove) rm -f "$rest" && echo "removed $rest" ;;
      install) install_kept >$G/packages.log 2>&1 || echo "NOT INSTALLED" ;;
    esac
  done <$S/put/do
  return 0
}

dhclient_off() {
  for p in /run/dhclient."$1".pid /run/dhclient-"$1".pid /var/run/dhclient-"$1".pid; do
    [ -r "$p" ] && kill "$(cat "$p")" 2>/dev/null && rm -f "$p"
  done
}

# $1 is the directory of the plan.
use() {
  of interface "$1" | sort -u >"$1/interfaces"
  kinds=$(cut -d' ' -f2 "$1/interfaces" | sort -u)
  h=$(of hostname "$1"); [ -n "$h" ] && [ -r /etc/hostname ] && hostname "$(head -n 1 /etc/hostname)"
  systemctl daemon-reload
  if has netplan && ls /etc/netplan/*.yaml >/dev/null 2>&1; then netplan generate; fi
  # Whoever has an interface now lets go of it first: a manager that is no longer to have it would go on asking for leases.
  if systemctl is-active --quiet systemd-networkd.service; then networkctl reload || systemctl restart systemd-networkd.service; fi
  while read -r i kind rest; do
    dhclient_off "$i"
    case $kind in
      ifupdown) ifdown --force "$i" 2>/dev/null ;;
    esac
    ip addr flush dev "$i" scope global; ip route flush dev "$i" proto static 2>/dev/null; ip route flush dev "$i" proto dhcp 2>/dev/null
  done <"$1/interfaces"
  for kind in $kinds; do
    case $kind in
      networkd)
        systemctl is-active --quiet systemd-networkd.service || systemctl start systemd-networkd.service
        # shellcheck disable=SC2046
        networkctl reconfigure $(sed -n 's/^\([^ ]*\) networkd.*/\1/p' "$1/interfaces") || systemctl restart systemd-networkd.service ;;
      nm)
        systemctl is-active --quiet NetworkManager.service || systemctl start NetworkManager.service
        nmcli connection reload
        while read -r i kind uuid; do
          [ "$kind" = nm ] || continue
          if [ "$uuid" != - ]; then nmcli -w 30 connection up uuid "$uuid"; else nmcli -w 30 device connect "$i"; fi
        done <"$1/interfaces" ;;
      ifupdown) while read -r i kind rest; do [ "$kind" = ifupdown ] && ifup --force "$i"; done <"$1/interfaces" ;;
      network) if has systemctl; then systemctl restart network.service; else service network restart; fi ;;
      wicked) wicked ifreload all ;;
    esac
  done
  systemctl is-active --quiet systemd-resolved.service && systemctl restart systemd-resolved.service
  return 0
}

start() {
  of enable $G | while read -r u; do if has systemctl; then systemctl --quiet enable "$u"; else chkconfig "${u%.service}" on; fi || exit 1; done &&
    of disable $G | while read -r u; do if has systemctl; then systemctl --quiet disable "$u"; else chkconfig "${u%.service}" off; fi || exit 1; done ||
    return 1
  if has systemd-run; then systemd-run --quiet --unit=$UNIT-apply /bin/sh $S/guest.sh apply
  else setsid /bin/sh $S/guest.sh apply </dev/null >/dev/null 2>&1 & fi
}

apply() {
  [ -e $G/plan ] || return 1
  # Who asked for it gets the answer first.
  sleep 1
  use $G >$G/log 2>&1
  check >$G/checking 2>>$G/log
  mv $G/checking $G/checked
}

poke() {
  if has ping; then ping -c 1 -W 2 -I "$1" "$2" >/dev/null 2>&1 && return 0; fi
  if has bash; then bash -c ": >/dev/udp/$2/9; echo >/dev/udp/$2/9" >/dev/null 2>&1
  elif has python3; then python3 -c 'import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"\n", (sys.argv[1], 9))' "$2" >/dev/null 2>&1; fi
  sleep 1
  case $(ip neigh show to "$2" dev "$1") in *REACHABLE*|*STALE*|*DELAY*|*PROBE*|*PERMANENT*|*NOARP*) return 0 ;; esac
  return 1
}

check() {
  of address $G | while read -r i a; do
    n=0
    until ip -o addr show dev "$i" 2>/dev/null | grep -qF " $a "; do
      n=$((n + 1)); [ $n -lt 15 ] || { echo "$i did not get $a"; break; }
      sleep 1
    done
  done
  of gateway $G | while read -r i g; do
    n=0
    until poke "$i" "$g"; do n=$((n + 1)); [ $n -lt 5 ] || { echo "the gateway $g does not answer on $i"; break; }; done
  done
  echo checked
}

cancel() {
  systemctl stop $UNIT.timer 2>/dev/null
  d=$S/before/$(date +%Y%m%d-%H%M%S)
  mkdir -p "$d"
  mv $G "$d/guard" || { rmdir "$d"; return 1; }
  mv "$d/guard"/* "$d/"; rmdir "$d/guard"
}

rollback() {
  # Whoever moves the guard has it; a rollback that was interrupted goes on from where it was moved to.
  mv $G $G.rolling 2>/dev/null
  [ -d $G.rolling ] || return 0
  R=$G.rolling
  [ -r $R/absent ] && while IFS= read -r f; do rm -f "$f"; done <$R/absent
  cp -a $R/old/. /
  [ -r $R/hostname ] && hostname "$(cat $R/hostname)"
  [ -r $R/units ] && while read -r u enabled active; do
    case "$enabled $active" in
      enabled*' active') systemctl enable "$u"; systemctl start "$u" ;;
      enabled*) systemctl enable "$u"; systemctl stop "$u" ;;
      *' active') systemctl disable "$u"; systemctl start "$u" ;;
      *) systemctl disable --now "$u" ;;
    esac
  done <$R/units >$R/log 2>&1
  # The managers that had the interfaces before may be other ones.
  use $R >>$R/log 2>&1
  for u in systemd-networkd.service NetworkManager.service networking.service network.service wicked.service; do
    systemctl is-enabled --quiet "$u" && systemctl is-active --quiet "$u" && systemctl restart "$u"
  done >>$R/log 2>&1
  rm -rf $S/rolled-back; mv $R $S/rolled-back
  if [ "$1" != quiet ]; then systemctl stop $UNIT.timer 2>/dev/null; fi
  return 0
}

case ${1:-} in
  survey) survey ;;
  keep) keep "${2:-}" ;;
  put) put "$2" ;;
  start) start ;;
  apply) apply ;;
  cancel) cancel ;;
  rollback) rollback ;;
  *) echo "guest.sh survey | keep | put SECONDS | start | cancel | rollback" >&2; exit 2 ;;
esac
