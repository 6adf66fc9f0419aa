; UNTESTED on a real Windows: compiled with Inno Setup 6.3, installed twice and removed under Wine.
; A per-user installer: no administrator, nothing outside of the account.
;   iscc /DVersion=0.1.0 /DBundle=C:\...\dist\wattlight /DOutput=C:\...\dist packaging\windows\wattlight.iss
#ifndef Version
  #error Give the version: /DVersion=0.1.0
#endif
#ifndef Bundle
  #define Bundle "..\..\dist\wattlight"
#endif
#ifndef Output
  #define Output "..\..\dist"
#endif
#define AppId "io.github.wattlight.wattlight"

[Setup]
; never change: by this, the next version finds the last
AppId={{6E1B5C1D-0B0F-4B52-9C6C-3B5E2F6D9A41}
AppName=Wattlight
AppVersion={#Version}
AppPublisher=The Wattlight authors
DefaultDirName={localappdata}\Programs\Wattlight
DisableProgramGroupPage=yes
DisableDirPage=auto
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.19041
OutputDir={#Output}
OutputBaseFilename=Wattlight-{#Version}-setup
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
LicenseFile=..\..\LICENSE
UninstallDisplayIcon={app}\wattlight.exe
; the running program is asked to end, and started again afterwards
CloseApplications=yes
; terminals that are opened from now on find the command
ChangesEnvironment=yes
RestartApplications=yes
#ifdef Sign
SignTool=signtool
SignedUninstaller=yes
#endif

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"

[Files]
Source: "{#Bundle}\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion
Source: "wattlight.cmd"; DestDir: "{app}\bin"; Flags: ignoreversion
Source: "..\..\LICENSE"; DestDir: "{app}"; DestName: "LICENSE.txt"; Flags: ignoreversion

[InstallDelete]
; files of the last version that the new one no longer has
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
; notifications need a Start-menu entry with this id
Name: "{userprograms}\Wattlight"; Filename: "{app}\wattlight.exe"; Parameters: "--window"; AppUserModelID: "{#AppId}"

[Run]
Filename: "{app}\wattlight.exe"; Parameters: "--window"; Description: "{cm:LaunchProgram,Wattlight}"; Flags: nowait postinstall skipifsilent

[UninstallDelete]
Type: filesandordirs; Name: "{app}\_internal"

[Registry]
; the texts of the program name the command "wattlight"
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{code:PathWith|{app}\bin}"; Flags: preservestringtype
; the start at login that the program may have set (it never does so unasked)
Root: HKCU; Subkey: "Software\Microsoft\Windows\CurrentVersion\Run"; ValueName: "Wattlight"; Flags: dontcreatekey uninsdeletevalue

[Code]
function UserPath(): String;
begin
  if not RegQueryStringValue(HKCU, 'Environment', 'Path', Result) then Result := '';
end;

function PathWithout(Folder: String): String;
begin
  Result := ';' + UserPath() + ';';
  StringChangeEx(Result, ';' + Folder + ';', ';', True);
  while (Result <> '') and (Result[1] = ';') do Delete(Result, 1, 1);
  while (Result <> '') and (Result[Length(Result)] = ';') do Delete(Result, Length(Result), 1);
end;

function PathWith(Folder: String): String;
begin
  Result := PathWithout(Folder);
  if Result <> '' then Result := Result + ';';
  Result := Result + Folder;
end;

procedure CurUninstallStepChanged(Step: TUninstallStep);
begin
  if Step = usPostUninstall then
  begin
    if PathWithout(ExpandConstant('{app}\bin')) = '' then
      RegDeleteValue(HKCU, 'Environment', 'Path')
    else
      RegWriteExpandStringValue(HKCU, 'Environment', 'Path', PathWithout(ExpandConstant('{app}\bin')));
  end;
end;
