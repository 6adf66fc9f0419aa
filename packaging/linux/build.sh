#!/bin/bash
# Builds for Linux, from this checkout:
#   OUT/wattlight-VERSION-linux-ARCH.tar.xz   runs from any folder, brings its libraries
#   OUT/wattlight_VERSION-1_ARCH.deb          for Debian 12 and newer, Ubuntu 22.04 and newer
#
#   packaging/linux/build.sh [--system] [OUT]
#
# Build on the oldest system that shall be served (Debian 12): what is bundled comes from there.
# --system installs what the build needs (as root). OUT is dist/ when not given.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
app_id=io.github.wattlight.wattlight
python=${PYTHON:-/usr/bin/python3}

needed="python3-venv libpython3-dev binutils dpkg-dev xz-utils libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1
    libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0 libwayland-cursor0 libwayland-egl1 libgl1 libegl1 libdbus-1-3
    libglib2.0-0 libfontconfig1 libbrotli1 libgssapi-krb5-2 libx11-xcb1"
if [ "${1:-}" = --system ]; then
    shift
    apt-get update
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $needed
fi
for tool in objdump strip dpkg-deb dpkg-shlibdeps xz; do
    command -v "$tool" >/dev/null || { echo "The build needs $tool. Run again with --system."; exit 1; }
done
out=$(mkdir -p "${1:-$checkout/dist}" && cd "${1:-$checkout/dist}" && pwd)
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$checkout/desktop/wattlight/__init__.py")
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$checkout" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH PYTHONHASHSEED=1 PYTHONDONTWRITEBYTECODE=1
day=$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== environment"
"$python" -I -m venv "$work/venv"
"$work/venv/bin/python" -I -m pip install --quiet --require-hashes --only-binary :all: \
    -r "$checkout/packaging/requirements-bundle.lock"
venv_python=$work/venv/bin/python

echo "== freeze"
(cd "$checkout" && "$venv_python" -m PyInstaller --noconfirm --log-level ERROR \
    --distpath "$work/dist" --workpath "$work/freeze" packaging/pyinstaller/wattlight.spec)
# Never strip the launcher: it carries the program behind its end.
find "$work/dist" -name '*.so*' -type f -exec strip --strip-unneeded {} + -exec chmod 644 {} +
"$venv_python" -I "$checkout/packaging/linux/man_page.py" "$day" > "$work/wattlight.1"
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$day/" "$here/$app_id.metainfo.xml.in" > "$work/$app_id.metainfo.xml"

# The files that a desktop knows a program by, below the prefix given.
share() {
    install -Dm644 "$here/$app_id.desktop" "$1/share/applications/$app_id.desktop"
    install -Dm644 "$checkout/resources/icons/wattlight.svg" "$1/share/icons/hicolor/scalable/apps/$app_id.svg"
    install -Dm644 "$work/$app_id.metainfo.xml" "$1/share/metainfo/$app_id.metainfo.xml"
    install -Dm644 "$here/$app_id.policy" "$1/share/polkit-1/actions/$app_id.policy"
    install -Dm644 "$work/wattlight.1" "$1/share/man/man1/wattlight.1"
}

echo "== tar.xz"
name=wattlight-$version-linux-$arch
top=$work/tar/$name
mkdir -p "$top/lib"
cp -a "$work/dist/wattlight" "$top/lib/wattlight"
mkdir "$top/bin" && ln -s ../lib/wattlight/wattlight "$top/bin/wattlight"
share "$top"
install -m755 "$here/menu.sh" "$top/menu.sh"
install -m755 "$checkout/resources/linux/energy-access.sh" "$top/energy-access"
install -m644 "$checkout/LICENSE" "$here/README.txt" "$top/"
"$venv_python" -I "$checkout/packaging/licences/collect.py" texts "$top/THIRD-PARTY.txt" "$work/dist/wattlight"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$work/tar" -c "$name" |
    xz -9e -T1 > "$out/$name.tar.xz"

echo "== deb"
stage=$work/deb
mkdir -p "$stage/usr/lib" "$stage/usr/bin" "$stage/DEBIAN" "$stage/usr/share/doc/wattlight" "$stage/usr/share/lintian/overrides"
cp -a "$work/dist/wattlight-system" "$stage/usr/lib/wattlight"
find "$stage/usr/lib" -type f -exec chmod 644 {} + ; chmod 755 "$stage/usr/lib/wattlight/wattlight"
find "$stage/usr/lib" -type d -exec chmod 755 {} +
install -m755 "$checkout/resources/linux/energy-access.sh" "$stage/usr/lib/wattlight/energy-access"
chmod 755 "$stage/usr/lib/wattlight/_internal/wattlight/resources/linux/energy-access.sh"
install -m755 "$here/debian/wattlight.prerm" "$stage/DEBIAN/prerm"
ln -s ../lib/wattlight/wattlight "$stage/usr/bin/wattlight"
share "$stage/usr"
gzip -9n "$stage/usr/share/man/man1/wattlight.1"
doc=$stage/usr/share/doc/wattlight
"$venv_python" -I "$checkout/packaging/licences/collect.py" copyright "$doc/copyright"
"$venv_python" -I "$checkout/packaging/licences/collect.py" texts "$doc/third-party.txt"
gzip -9n "$doc/third-party.txt"
printf 'wattlight (%s-1) unstable; urgency=medium\n\n  * Release %s.\n\n -- The Wattlight authors <wattlight@wattlight.github.io>  %s\n' \
    "$version" "$version" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n > "$doc/changelog.Debian.gz"
install -m644 "$here/debian/wattlight.lintian-overrides" "$stage/usr/share/lintian/overrides/wattlight"

# Only dpkg-shlibdeps knows which packages, in which versions, hold the libraries; guesses install and then
# die at the start.
mkdir -p "$work/shlibs/debian"
printf 'Source: wattlight\n\nPackage: wattlight\nArchitecture: any\n' > "$work/shlibs/debian/control"
bundle=$stage/usr/lib/wattlight
internal=$bundle/_internal
mapfile -t binaries < <(find "$bundle" -type f \( -name '*.so*' -o -name wattlight \) -printf '-e\n%p\n')
depends=$(cd "$work/shlibs" && dpkg-shlibdeps -O --ignore-missing-info -l"$internal" -l"$internal/PySide6/Qt/lib" \
    -l"$internal/PySide6" -l"$internal/shiboken6" "${binaries[@]}" 2>"$work/shlibs/log" | sed 's/^shlibs:Depends=//') ||
    { cat "$work/shlibs/log"; exit 1; }
size=$(du -sk --apparent-size "$stage/usr" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE_KB@/$size/" -e "s/@DEPENDS@/$depends/" \
    "$here/debian/control.in" > "$stage/DEBIAN/control"
(cd "$stage" && find usr -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
chmod -R go=rX "$stage"
dpkg-deb --root-owner-group -Zxz -z9 -Sextreme --build "$stage" "$out/wattlight_$version-1_$arch.deb"

echo
for file in "$out/$name.tar.xz" "$out/wattlight_$version-1_$arch.deb"; do
    printf '%s  %d.%d MB\n' "$file" $(($(stat -c %s "$file") / 1000000)) $(($(stat -c %s "$file") / 100000 % 10))
done
