#!/bin/bash
# Install the Debian packages of a list (one a line, # starts a comment), and only those that are missing.
#
#   packaging/install-debian.sh packaging/debian-building.txt
#
# Installing must not open the machine: Debian packages start and enable their services. While apt works, a
# policy-rc.d answers 101 (nothing starts); afterwards what apt has newly enabled for the next boot is disabled.
# Listeners, enabled units and clock source are then what they were before. What is to be put back is written down
# first, in $STATE: an interrupted installation is finished by the trap, a killed one by the next run.
#
# R2S_SKIP_PACKAGES=1 leaves the packages alone, for a system that is not Debian or that somebody else manages.
set -euo pipefail

STATE=/var/lib/r2s-audit-install
LOCK=/run/lock/r2s-audit-install
POLICY=/usr/sbin/policy-rc.d
PATH=$PATH:/usr/sbin:/sbin

say() { printf 'install-debian: %s\n' "$*" >&2; }

packages() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$1"; }

# Names of the list that dpkg does not have installed, one a line.
missing() {
    local wanted
    wanted=$(packages "$1")
    # shellcheck disable=SC2086 # one word a package
    comm -23 <(sort -u <<<"$wanted") \
        <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^.i  *//p' | sort -u)
}

# Units that systemd would start at the next boot, whether it runs now or not.
enabled_units() {
    command -v systemctl >/dev/null || return 0
    systemctl --root=/ list-unit-files --state=enabled,enabled-runtime --no-legend --no-pager | awk '{print $1}' | sort -u
}

# Start links of System V init: /etc/rc2.d/S01snmpd -> rc2.d/snmpd
start_links() {
    find /etc/rc[0-9S].d -name 'S[0-9][0-9]*' 2>/dev/null | sed 's,^/etc/\(rc..d\)/S[0-9][0-9],\1/,' | sort -u
}

remember() {
    install -d -m 0700 "$STATE"
    enabled_units >"$STATE/units"
    start_links >"$STATE/links"
    if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
        mv "$POLICY" "$POLICY.r2s-saved"
    fi
    : >"$STATE/complete" # from here on there is something to put back
    printf '#!/bin/sh\n# Put here by r2s-audit while packages are installed; removed afterwards.\nexit 101\n' >"$POLICY.r2s-new"
    chmod 0755 "$POLICY.r2s-new"
    mv "$POLICY.r2s-new" "$POLICY"
}

# Put everything back; does nothing where nothing was remembered. Runs to its end even if a step fails.
restore() {
    [ -d "$STATE" ] || return 0
    local unit name failed=0
    if [ -e "$STATE/complete" ]; then
        while read -r unit; do
            say "not enabled for the next boot: $unit"
            systemctl --root=/ --quiet disable "$unit" || failed=1
        done < <(comm -13 "$STATE/units" <(enabled_units))
        while read -r name; do
            say "not started by System V init: $name"
            update-rc.d "$name" disable || failed=1
        done < <(comm -13 "$STATE/links" <(start_links) | sed 's,.*/,,' | sort -u)
        rm -f "$POLICY"
    fi
    if [ -e "$POLICY.r2s-saved" ] || [ -L "$POLICY.r2s-saved" ]; then
        mv "$POLICY.r2s-saved" "$POLICY"
    fi
    rm -rf "$STATE" "$POLICY.r2s-new"
    [ "$failed" = 0 ] || say "something could not be put back: see above"
    return "$failed"
}

install_missing() {
    export DEBIAN_FRONTEND=noninteractive
    local apt=(apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -q)
    # apt inherits the lock: after a kill, what it still installs ends before anything is put back.
    exec 9>"$LOCK"
    flock 9
    restore # of a run that was killed
    # The traps stand before anything changes. A signal ends the shell through EXIT, once apt has ended.
    trap 'restore' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    [ "$#" -gt 0 ] || return 0
    "${apt[@]}" update
    remember
    "${apt[@]}" install --yes --no-install-recommends "$@"
}

main() {
    if [ "${1-}" = --install ]; then # the part that is root's
        shift
        install_missing "$@"
        return
    fi
    local list=$1 names=() as_root=()
    [ "${R2S_SKIP_PACKAGES:-}" != 1 ] || return 0
    if ! command -v dpkg-query >/dev/null; then
        say "this is not a Debian system; install the counterparts of these, then set R2S_SKIP_PACKAGES=1:"
        packages "$list" >&2
        return 1
    fi
    mapfile -t names < <(missing "$list")
    if [ "${#names[@]}" = 0 ]; then
        [ -d "$STATE" ] || return 0
        say "an earlier installation was interrupted: putting back what it changed"
    else
        say "installing, without starting any service: ${names[*]}"
    fi
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "this needs root, and there is no sudo here"
            return 1
        fi
        as_root=(sudo)
    fi
    "${as_root[@]}" "$(readlink -f "${BASH_SOURCE[0]}")" --install "${names[@]}"
    mapfile -t names < <(missing "$list")
    [ "${#names[@]}" = 0 ] || { say "still missing after apt-get install: ${names[*]}"; return 1; }
}

main "$@"
