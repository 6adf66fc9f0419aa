#!/bin/sh
# Puts Wattlight into the menu of this account, or takes it out:  ./menu.sh [add|remove]
# Nothing outside of your home is touched, and no root is needed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
app_id=io.github.wattlight.wattlight
entry=$data/applications/$app_id.desktop
icon=$data/icons/hicolor/scalable/apps/$app_id.svg
case ${1:-add} in
add)
    mkdir -p "$(dirname "$entry")" "$(dirname "$icon")"
    cp "$here/share/icons/hicolor/scalable/apps/$app_id.svg" "$icon"
    # A menu entry unescapes twice, first the line, then what is in quotes: \\" is a quote, \\\\ a backslash.
    PROGRAM=$(printf '%s' "$here/bin/wattlight" | sed -e 's/\\/\\\\\\\\/g' -e 's/["`$]/\\\\&/g' -e 's/%/%%/g')
    export PROGRAM
    awk '/^Exec=/ { print "Exec=\"" ENVIRON["PROGRAM"] "\" --window"; next } /^TryExec=/ { next } { print }' \
        "$here/share/applications/$app_id.desktop" > "$entry"
    echo "Wattlight is in the menu now. To take it out again: $here/menu.sh remove"
    ;;
remove)
    rm -f "$entry" "$icon"
    echo "Wattlight is out of the menu. This folder can be deleted."
    if [ -e /etc/udev/rules.d/70-wattlight-energy.rules ] || [ -e /etc/tmpfiles.d/wattlight-energy.conf ]; then
        echo "Before that, close the processor's energy counter again: $here/bin/wattlight doctor --forbid-energy"
    fi
    ;;
*)
    echo "Usage: $0 [add|remove]" >&2
    exit 2
    ;;
esac
