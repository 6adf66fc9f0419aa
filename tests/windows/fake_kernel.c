/* fake_kernel.c - stands for the libraries of Windows that the probes ask, for tests only (our own code).
 * Build:  x86_64-w64-mingw32-gcc -shared -O1 -w -o fake_kernel.dll fake_kernel.c
 * The structures are those of the compiler's own Windows headers, so a wrong offset of ours shows.
 * FAKE_KERNEL=nvidia makes the first adapter a GeForce, else it is a Radeon; FAKE_KERNEL=asleep lets it sleep. */
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <cfgmgr32.h>
#include <devpropdef.h>
#include <pdh.h>
#include <pdhmsg.h>
#include <powrprof.h>
#include <setupapi.h>
#include <stdlib.h>
#include <string.h>
#include <winioctl.h>
#define EXPORT __declspec(dllexport)
#define SMALL 0xC0000023
#define PICOWATTHOURS_PER_TICK 1250 /* 45 W, in ticks of 100 ns */

static int is(const char *word) { const char *mode = getenv("FAKE_KERNEL"); return mode && strstr(mode, word); }

/* gdi32: three adapters, the last one made of software */
typedef struct { UINT handle; LUID luid; ULONG sources; BOOL present; } Adapter;
typedef struct { ULONG count; Adapter *list; } Enumeration;
typedef struct { UINT handle; int what; void *data; UINT size; } Question;
static int open_handles;

EXPORT LONG D3DKMTEnumAdapters2(Enumeration *asked) {
    if (!asked->list) { asked->count = 3; return 0; }
    if (asked->count < 3) return SMALL;
    asked->count = 3;
    for (int i = 0; i < 3; i++) asked->list[i] = (Adapter){0x40000000 + i, {0xA100 + i, 0}, 1, TRUE};
    open_handles += 3;
    return 0;
}
EXPORT LONG D3DKMTCloseAdapter(UINT *handle) { open_handles--; return 0; }
EXPORT int fake_open_handles(void) { return open_handles; }

static LONG give(Question *asked, const void *data, UINT size) {
    if (asked->size < size) return SMALL;
    memset(asked->data, 0, asked->size);
    memcpy(asked->data, data, size);
    return 0;
}
EXPORT LONG D3DKMTQueryAdapterInfo(Question *asked) {
    int i = asked->handle - 0x40000000, nvidia = is("nvidia");
    UINT kind[3] = {0x13, 0x33, 0x05}, address[3] = {i == 0 ? nvidia ? 1 : 3 : 0, i == 0 ? 0 : 2, 0};
    UINT ids[7] = {0, i ? 0x8086 : nvidia ? 0x10DE : 0x1002, i ? 0xA780 : nvidia ? 0x2684 : 0x744C};
    ULONGLONG sizes[3] = {i ? 134217728ULL : 25753026560ULL, 0, 17179869184ULL};
    wchar_t name[1040] = L"Intel(R) UHD Graphics 770";
    if (i == 0) wcscpy(name, nvidia ? L"NVIDIA GeForce RTX 4090" : L"AMD Radeon RX 7900 XTX");
    switch (asked->what) {
    case 15: return give(asked, &kind[i], sizeof *kind);
    case 6: return give(asked, address, sizeof address);
    case 31: return give(asked, ids, sizeof ids);
    case 8: return give(asked, name, sizeof name);
    case 3: return give(asked, sizes, sizeof sizes);
    }
    return 0xC000000D;
}

/* cfgmgr32: the same two cards, and whether they sleep */
#define DISPLAY_CLASS L"{4d36e968-e325-11ce-bfc1-08002be10318}"
static const wchar_t *ids(DWORD *length) {
    static const wchar_t radeon[] = L"PCI\\VEN_1002&DEV_744C&SUBSYS_1&REV_C8\\6&1&0&8\0PCI\\VEN_8086&DEV_A780\\3&1&0&10\0";
    static const wchar_t geforce[] = L"PCI\\VEN_10DE&DEV_2684&SUBSYS_1&REV_A1\\4&1&0&8\0PCI\\VEN_8086&DEV_A780\\3&1&0&10\0";
    *length = is("nvidia") ? sizeof geforce / 2 : sizeof radeon / 2;
    return is("nvidia") ? geforce : radeon;
}
EXPORT CONFIGRET CM_Get_Device_ID_List_SizeW(ULONG *length, const wchar_t *filter, ULONG flags) {
    if (flags != (CM_GETIDLIST_FILTER_CLASS | 0x100) || wcscmp(filter, DISPLAY_CLASS)) return CR_INVALID_DATA;
    ids(length);
    return CR_SUCCESS;
}
EXPORT CONFIGRET CM_Get_Device_ID_ListW(const wchar_t *filter, wchar_t *list, ULONG room, ULONG flags) {
    DWORD length;
    const wchar_t *text = ids(&length);
    if (room < length) return CR_BUFFER_SMALL;
    memcpy(list, text, 2 * length);
    return CR_SUCCESS;
}
EXPORT CONFIGRET CM_Locate_DevNodeW(DWORD *node, wchar_t *id, ULONG flags) {
    *node = wcsstr(id, L"8086") ? 8 : 0xF0000007;
    return CR_SUCCESS;
}
EXPORT CONFIGRET CM_Get_DevNode_PropertyW(DWORD node, const DEVPROPKEY *key, ULONG *type, BYTE *data, ULONG *size, ULONG f) {
    static const GUID device = {0xA45C254E, 0xDF1C, 0x4EFD, {0x80, 0x20, 0x67, 0xD1, 0x46, 0xA8, 0x50, 0xE0}};
    CM_POWER_DATA power = {sizeof power, node != 8 && is("asleep") ? PowerDeviceD3 : PowerDeviceD0};
    if (memcmp(&key->fmtid, &device, sizeof device) || key->pid != 32) return CR_NO_SUCH_VALUE;
    if (*size < sizeof power) { *size = sizeof power; return CR_BUFFER_SMALL; }
    memcpy(data, &power, sizeof power);
    *size = sizeof power;
    *type = 0x1003;
    return CR_SUCCESS;
}

/* pdh: engines in per cent from the second look on, memory in bytes */
#define QUERY ((void *)0x123456789ABCULL)
#define COUNTER 0x7FFF00000000ULL
static int looks;
EXPORT LONG PdhOpenQueryW(const wchar_t *source, ULONG_PTR data, void **query) { *query = QUERY; return 0; }
EXPORT LONG PdhAddEnglishCounterW(void *query, const wchar_t *path, ULONG_PTR data, void **counter) {
    if (query != QUERY) return PDH_INVALID_HANDLE;
    *counter = (void *)(COUNTER + (wcsstr(path, L"Engine") ? 1 : wcsstr(path, L"Dedicated") ? 2 : 3));
    return 0;
}
EXPORT LONG PdhCollectQueryData(void *query) { looks++; return query == QUERY ? 0 : PDH_INVALID_HANDLE; }
EXPORT LONG PdhCloseQuery(void *query) { return query == QUERY ? 0 : PDH_INVALID_HANDLE; }
EXPORT LONG PdhGetFormattedCounterArrayW(void *counter, DWORD format, DWORD *size, DWORD *count, PDH_FMT_COUNTERVALUE_ITEM_W *items) {
    static wchar_t *engines[] = {
        L"pid_4_luid_0x00000000_0x0000A100_phys_0_eng_0_engtype_3D",
        L"pid_9_luid_0x00000000_0x0000A100_phys_0_eng_0_engtype_3D",
        L"pid_9_luid_0x00000000_0x0000A100_phys_0_eng_3_engtype_Copy",
    };
    static wchar_t *adapters[] = {L"luid_0x00000000_0x0000A100_phys_0"};
    ULONGLONG which = (ULONGLONG)counter - COUNTER;
    DWORD number = which == 1 ? 3 : 1, need = number * (sizeof *items + 256);
    if (which < 1 || which > 3) return PDH_INVALID_HANDLE;
    if ((which == 1) != (format == PDH_FMT_DOUBLE)) return PDH_INVALID_ARGUMENT;
    if (which == 1 && looks < 2) return PDH_INVALID_DATA;
    if (!items || *size < need) { *size = need; *count = number; return PDH_MORE_DATA; }
    for (DWORD i = 0; i < number; i++) {
        wchar_t *text = (wchar_t *)((char *)(items + number) + 256 * i);
        wcscpy(text, which == 1 ? engines[i] : adapters[i]);
        items[i].szName = text;
        items[i].FmtValue.CStatus = PDH_CSTATUS_VALID_DATA;
        if (which == 1) items[i].FmtValue.doubleValue = 10.5 + 30 * (i % 2);
        else items[i].FmtValue.largeValue = which == 2 ? 6442450944LL : 100000000LL;
    }
    *count = number;
    return 0;
}

/* powrprof, kernel32: a battery that empties, memory of which less may be committed than is free */
EXPORT LONG CallNtPowerInformation(POWER_INFORMATION_LEVEL level, void *in, ULONG n, void *out, ULONG size) {
    SYSTEM_BATTERY_STATE state = {.BatteryPresent = 1, .Discharging = 1, .MaxCapacity = 60000,
        .RemainingCapacity = 45000, .Rate = (DWORD)-15250, .EstimatedTime = 10600};
    if (level != SystemBatteryState || size < sizeof state) return SMALL;
    memcpy(out, &state, sizeof state);
    return 0;
}
EXPORT BOOL WINAPI GlobalMemoryStatusEx(MEMORYSTATUSEX *status) {
    if (status->dwLength != sizeof *status) return FALSE;
    status->ullTotalPhys = 64ULL << 30;
    status->ullAvailPhys = 40ULL << 30;
    status->ullTotalPageFile = 66ULL << 30;
    status->ullAvailPageFile = 12ULL << 30;
    return TRUE;
}
EXPORT ULONGLONG WINAPI GetTickCount64(void) { return 86400000ULL; }

/* setupapi, kernel32: one energy meter with a package and its memory */
#define LIST ((void *)0x7FF812345678ULL)
#define METER ((void *)0xABCDEF12ULL)
#define METER_PATH L"\\\\?\\acpi#pep"
EXPORT void *SetupDiGetClassDevsW(const GUID *class, const wchar_t *name, HWND window, DWORD flags) {
    static const GUID energy = {0x45BD8344, 0x7ED6, 0x49CF, {0xA4, 0x40, 0xC2, 0x76, 0xC9, 0x33, 0xB0, 0x53}};
    int right = flags == (DIGCF_PRESENT | DIGCF_DEVICEINTERFACE) && !memcmp(class, &energy, sizeof energy);
    return right ? LIST : INVALID_HANDLE_VALUE;
}
EXPORT BOOL SetupDiEnumDeviceInterfaces(void *list, SP_DEVINFO_DATA *device, const GUID *class, DWORD index, SP_DEVICE_INTERFACE_DATA *out) {
    return list == LIST && index == 0 && out->cbSize == sizeof *out;
}
EXPORT BOOL SetupDiGetDeviceInterfaceDetailW(void *list, SP_DEVICE_INTERFACE_DATA *data,
    SP_DEVICE_INTERFACE_DETAIL_DATA_W *out, DWORD size, DWORD *need, SP_DEVINFO_DATA *d) {
    if (out->cbSize != sizeof *out || size < 64) return FALSE;
    wcscpy(out->DevicePath, METER_PATH);
    return TRUE;
}
EXPORT BOOL SetupDiDestroyDeviceInfoList(void *list) { return list == LIST; }
EXPORT HANDLE WINAPI CreateFileW(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES s, DWORD how, DWORD flags, HANDLE t) {
    int right = access == GENERIC_READ && share == (FILE_SHARE_READ | FILE_SHARE_WRITE) && how == OPEN_EXISTING;
    return right && !wcscmp(path, METER_PATH) ? METER : INVALID_HANDLE_VALUE;
}
EXPORT BOOL WINAPI CloseHandle(HANDLE handle) { return handle == METER; }
EXPORT BOOL WINAPI DeviceIoControl(HANDLE handle, DWORD code, void *in, DWORD n, void *out, DWORD size, DWORD *got, OVERLAPPED *o) {
    static const wchar_t *names[] = {L"RAPL_Package0_DRAM", L"RAPL_Package0_PKG"};
    static ULONGLONG begin;
    ULONGLONG now, values[4] = {0};
    BYTE described[256] = {0};
    DWORD at = 68;
    if (handle != METER) return FALSE;
    *(USHORT *)(described + 66) = 2;
    for (int i = 0; i < 2; i++) {
        USHORT length = 2 * wcslen(names[i]) + 2;
        memcpy(described + at + 4, &length, 2);
        memcpy(described + at + 6, names[i], length);
        at += 6 + length;
    }
    if (code == 0x224004 && size >= 4) { memcpy(out, &at, 4); *got = 4; return TRUE; }
    if (code == 0x224008 && size >= at) { memcpy(out, described, at); *got = at; return TRUE; }
    if (code != 0x22400C || size < sizeof values) return FALSE;
    GetSystemTimeAsFileTime((FILETIME *)&now);
    if (!begin) begin = now - 10000000;
    values[0] = 7;
    values[2] = (now - begin) * PICOWATTHOURS_PER_TICK;
    memcpy(out, values, sizeof values);
    *got = sizeof values;
    return TRUE;
}
