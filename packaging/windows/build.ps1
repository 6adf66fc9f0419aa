# UNTESTED as a whole: what it calls was tried under Wine (PyInstaller, Inno Setup), it was never run on Windows.
# Builds Wattlight-VERSION-setup.exe:  packaging\windows\build.ps1 [-Out DIR] [-Bundle DIR]
# -Bundle: a copy of the frozen folder stays there, for tests/windows.
#
# Signed when WATTLIGHT_SIGN_THUMBPRINT names a certificate of the current user's store, else a preview that
# SmartScreen warns about.
param([string]$Out = "dist", [string]$Bundle = "")
$ErrorActionPreference = "Stop"
Set-StrictMode -Version Latest
$checkout = Resolve-Path (Join-Path $PSScriptRoot "..\..")
$python = if ($env:PYTHON) { $env:PYTHON } else { "python" }
$version = (Select-String -Path "$checkout\desktop\wattlight\__init__.py" -Pattern '^__version__ = "(.*)"').Matches[0].Groups[1].Value
$work = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
New-Item -ItemType Directory -Path $work, $Out -Force | Out-Null
$Out = Resolve-Path $Out

# its installer adds nothing to PATH
$iscc = Get-Command "iscc", "${env:ProgramFiles(x86)}\Inno Setup 6\ISCC.exe" -ErrorAction SilentlyContinue |
    Select-Object -First 1 -ExpandProperty Source
if (-not $iscc) { throw "Inno Setup 6 is missing: choco install innosetup" }

function Invoke-Checked([string]$Program, [string[]]$Arguments) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program ended with code $LASTEXITCODE" }
}
function Add-Signature([string]$File) {
    if ($env:WATTLIGHT_SIGN_THUMBPRINT) {
        Invoke-Checked "signtool" @("sign", "/sha1", $env:WATTLIGHT_SIGN_THUMBPRINT, "/fd", "sha256", "/tr",
            $env:WATTLIGHT_TIMESTAMP_SERVER, "/td", "sha256", $File)
    }
}

try {
    Invoke-Checked $python @("-I", "-m", "venv", "$work\venv")
    $venv = "$work\venv\Scripts\python.exe"
    Invoke-Checked $venv @("-I", "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:",
        "-r", "$checkout\packaging\requirements-bundle.lock")
    Push-Location $checkout
    Invoke-Checked $venv @("-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "--distpath", "$work\dist",
        "--workpath", "$work\freeze", "packaging\pyinstaller\wattlight.spec")
    Pop-Location
    $frozen = "$work\dist\wattlight"
    Invoke-Checked $venv @("-I", "$checkout\packaging\licences\collect.py", "texts", "$frozen\THIRD-PARTY.txt")
    # every program of ours, the installer's uninstaller included
    Get-ChildItem "$frozen\*.exe" | ForEach-Object { Add-Signature $_.FullName }
    if ($Bundle) { Copy-Item -Recurse $frozen $Bundle }
    $options = @("/Qp", "/DVersion=$version", "/DBundle=$frozen", "/DOutput=$Out")
    if ($env:WATTLIGHT_SIGN_THUMBPRINT) {
        $options += @("/DSign", ("/Ssigntool=signtool sign /sha1 $($env:WATTLIGHT_SIGN_THUMBPRINT) /fd sha256 " +
            "/tr $($env:WATTLIGHT_TIMESTAMP_SERVER) /td sha256 `$f"))
    }
    Invoke-Checked $iscc ($options + "$checkout\packaging\windows\wattlight.iss")
    Write-Output "$Out\Wattlight-$version-setup.exe"
}
finally {
    Remove-Item -Recurse -Force $work
}
