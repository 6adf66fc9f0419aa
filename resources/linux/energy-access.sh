#!/bin/sh
# Lets one account read the processor's energy counters, or takes that back:  energy-access allow|forbid
# For root: polkit's pkexec, or sudo, says for whom. It names its files itself and changes nothing else.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
udev=/etc/udev/rules.d/70-wattlight-energy.rules
tmpfiles=/etc/tmpfiles.d/wattlight-energy.conf
counters='/sys/class/powercap/intel-rapl:*/energy_uj'

give_to() { # the mode stays: the owner alone may read, and whoever is root
    for counter in $counters; do
        [ ! -e "$counter" ] || chown "$1" "$counter"
    done
}

forbid() { # the rule goes last: as long as it is there, it is seen that something is to be taken back
    give_to 0
    rm -f "$udev.new" "$tmpfiles.new" "$udev" "$tmpfiles"
}

stop() {
    echo "$2" >&2
    exit "$1"
}

[ "$(id -u)" = 0 ] || stop 10 'This needs root.'
case ${1:-} in
allow)
    who=${PKEXEC_UID:-${SUDO_UID:-}}
    case $who in '' | 0 | *[!0-9]*) stop 11 'Nobody is named who should read the counters.' ;; esac
    ls $counters >/dev/null 2>&1 || stop 12 'There are no energy counters here.'
    if command -v udevadm >/dev/null; then
        rule=$udev
        text="ACTION==\"add|change\", SUBSYSTEM==\"powercap\", KERNEL==\"intel-rapl:*\", \
RUN+=\"/bin/chown $who /sys%p/energy_uj\""
    elif command -v systemd-tmpfiles >/dev/null; then
        rule=$tmpfiles
        text="z $counters - $who - - -"
    else
        stop 13 'Neither udev nor systemd-tmpfiles is here to keep it after a restart.'
    fi
    trap forbid EXIT # until all is done
    trap 'exit 14' HUP INT TERM
    mkdir -p "${rule%/*}"
    printf '# Written by Wattlight, which takes it back too: wattlight doctor --forbid-energy\n%s\n' "$text" >"$rule.new"
    mv "$rule.new" "$rule"
    [ "$rule" = "$tmpfiles" ] || rm -f "$tmpfiles"
    give_to "$who"
    trap - EXIT
    ;;
forbid) forbid ;;
*) stop 2 'Usage: energy-access allow|forbid' ;;
esac
