#!/bin/bash
# UNTESTED: written from the tools' documentation, never run on a Mac.
# Builds OUT/Wattlight-VERSION-ARCH.dmg:  packaging/macos/build.sh [OUT]
#
# Signing and notarising happen when these are set, else the program is a preview that macOS warns about:
#   WATTLIGHT_SIGN_IDENTITY   "Developer ID Application: NAME (TEAM)", in the keychain
#   WATTLIGHT_NOTARY_PROFILE  a profile stored with: xcrun notarytool store-credentials PROFILE
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mkdir -p "${1:-$checkout/dist}" && cd "${1:-$checkout/dist}" && pwd)
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$checkout/desktop/wattlight/__init__.py")
arch=$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${PYTHON:-python3}" -I -m venv "$work/venv"
python=$work/venv/bin/python
"$python" -I -m pip install --quiet --require-hashes --only-binary :all: -r "$checkout/packaging/requirements-bundle.lock"
(cd "$checkout" && "$python" -m PyInstaller --noconfirm --log-level WARN \
    --distpath "$work/dist" --workpath "$work/freeze" packaging/pyinstaller/wattlight.spec)
app=$work/dist/Wattlight.app
"$python" -I "$checkout/packaging/licences/collect.py" texts "$app/Contents/Resources/THIRD-PARTY.txt"
cp "$checkout/LICENSE" "$app/Contents/Resources/"

if [ -n "${WATTLIGHT_SIGN_IDENTITY:-}" ]; then
    # From the inside out: every library first, the program last. --deep is not enough for notarising.
    find "$app/Contents" -type f \( -name '*.dylib' -o -name '*.so' -o -path '*/Frameworks/*/Versions/*/*' \) -print0 |
        xargs -0 -n 20 codesign --force --timestamp --options runtime --sign "$WATTLIGHT_SIGN_IDENTITY"
    codesign --force --timestamp --options runtime --entitlements "$checkout/packaging/macos/entitlements.plist" \
        --sign "$WATTLIGHT_SIGN_IDENTITY" "$app"
    codesign --verify --strict --deep --verbose=2 "$app"
else
    # On Apple silicon nothing starts without any signature; this one names nobody.
    codesign --force --deep --sign - "$app"
fi

mkdir "$work/image"
cp -R "$app" "$work/image/"
ln -s /Applications "$work/image/Applications"
dmg=$out/Wattlight-$version-$arch.dmg
hdiutil create -volname "Wattlight $version" -srcfolder "$work/image" -fs HFS+ -format ULFO -ov "$dmg"
if [ -n "${WATTLIGHT_SIGN_IDENTITY:-}" ] && [ -n "${WATTLIGHT_NOTARY_PROFILE:-}" ]; then
    codesign --timestamp --sign "$WATTLIGHT_SIGN_IDENTITY" "$dmg"
    xcrun notarytool submit "$dmg" --keychain-profile "$WATTLIGHT_NOTARY_PROFILE" --wait
    xcrun stapler staple "$dmg"
    spctl --assess --type open --context context:primary-signature --verbose "$dmg"
fi
echo "$dmg"
