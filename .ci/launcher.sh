#!/bin/sh
# imgopt-tui @VERSION@ in one file: this script, then the program as a tar.gz. The program is unpacked once, into the
# user's cache, and started from there: the dashboard, the runner it leaves behind and all workers share that folder.
set -u
fail() {
    printf 'imgopt-tui: %s\n' "$1" >&2
    exit 1
}
advice='name a folder to unpack into in IMGOPT_CACHE'
case ${XDG_CACHE_HOME:-} in
    /*) base=$XDG_CACHE_HOME ;;
    *) base=${HOME:-}/.cache ;;
esac
cache=${IMGOPT_CACHE:-$base/imgopt-tui}
case $cache in
    /.cache/*) fail "HOME is not set: $advice" ;;
    /*) ;;
    *) cache=$PWD/$cache ;;
esac
home=$cache/@NAME@

remove_left() { # what starts that were killed left, and versions that nothing runs from
    for left in "$cache/.unpacking-$host"-*; do
        [ ! -d "$left" ] || kill -0 "${left##*-}" 2> /dev/null || rm -rf "$left"
    done
    [ -r /proc/self/exe ] || return 0
    used=" $(readlink /proc/[0-9]*/exe 2> /dev/null | tr '\n' ' ') "
    for left in "$cache"/[0-9]*-????????????????; do
        if [ "$left" != "$home" ] && [ -f "$left/imgopt-tui" ] && [ -O "$left" ]; then
            case $used in *" $left/imgopt-tui "*) ;; *) rm -rf "$left" ;; esac
        fi
    done
}

try() { # whether the program in $part runs here, or why not
    why=$("$part/imgopt-tui" --version 2>&1) && return
    case $?:$why in
        *GLIBC_* | 127:*) fail "this system's C library is too old or another one: glibc @GLIBC@ or newer is needed" ;;
        *'shared libraries'*) fail "the program needs ${why##*libraries: }" ;;
        126:*) fail "programs may not be started from $cache, which is mounted noexec: $advice" ;;
        *) fail "the program does not start from $cache: $why" ;;
    esac
}

unpack() {
    umask 077
    for need in tail gzip tar; do
        command -v "$need" > /dev/null || fail "$need is needed to unpack the program and is not there: install it"
    done
    [ "$(wc -c < "$0")" -eq @BYTES@ ] || fail "$0 is not complete: copy or download it again"
    mkdir -p "$cache" 2> /dev/null || fail "$cache cannot be made: $advice"
    host=$(uname -n)
    remove_left
    part=$cache/.unpacking-$host-$$
    trap 'rm -rf "$part"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir "$part" 2> /dev/null || fail "$cache cannot be written to: $advice"
    [ ! -t 2 ] || printf 'imgopt-tui: unpacking into %s, once ...\r' "$cache" >&2
    tail -n +@LINES@ "$0" | gzip -dc 2> /dev/null | (cd "$part" && tar -xof - 2> /dev/null) ||
        fail "there is no room for the program in $cache (@MEGABYTES@ MB), or it cannot be written to: make room, or $advice"
    try
    [ -d "$home" ] || mv "$part" "$home" 2> /dev/null || fail "$home cannot be made: $advice"
    rm -rf "$part" "$home/${part##*/}" # another start was faster
    [ ! -t 2 ] || printf '\033[K' >&2
    trap - EXIT HUP INT TERM
}

[ -x "$home/imgopt-tui" ] || unpack
[ -O "$home" ] || fail "$home belongs to somebody else: $advice"
exec "$home/imgopt-tui" "$@"
