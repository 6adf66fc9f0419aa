/* missing_in_wine.c - what Qt and Rust's libraries ask of Windows and Wine 8 does not have, for tests only.
 * Build:  x86_64-w64-mingw32-gcc -shared -nostdlib -w -DTEXTS -o icuuc.dll missing_in_wine.c -Wl,-e,main_of_dll
 *         x86_64-w64-mingw32-gcc -shared -nostdlib -w -o bcryptprimitives.dll missing_in_wine.c -Wl,-e,main_of_dll -ladvapi32 */
#define EXPORT __declspec(dllexport)
int __stdcall main_of_dll(void *library, unsigned why, void *reserved) { return 1; }
#ifdef TEXTS
/* Converters of rare encodings: there are none. An error code stands where each function has it. */
#define NONE 4
#define ANSWER(name, arguments) EXPORT void *name arguments { if (error) *error = NONE; return 0; }
typedef void *P;
ANSWER(ucnv_open, (P n, int *error))
ANSWER(ucnv_getName, (P c, int *error))
ANSWER(ucnv_setToUCallBack, (P c, P a, P b, P d, P f, int *error))
ANSWER(ucnv_setFromUCallBack, (P c, P a, P b, P d, P f, int *error))
ANSWER(ucnv_cbToUWriteUChars, (P a, P s, int l, int o, int *error))
ANSWER(ucnv_cbFromUWriteUChars, (P a, P s, P l, int o, int *error))
ANSWER(ucnv_toUCountPending, (P c, int *error))
ANSWER(ucnv_fromUCountPending, (P c, int *error))
ANSWER(ucnv_getStandardName, (P n, P s, int *error))
ANSWER(ucnv_toUnicode, (P c, P a, P b, P d, P f, P g, int h, int *error))
ANSWER(ucnv_fromUnicode, (P c, P a, P b, P d, P f, P g, int h, int *error))
EXPORT void ucnv_close(P c) {}
EXPORT void ucnv_reset(P c) {}
EXPORT void ucnv_getToUCallBack(P c, P a, P b) {}
EXPORT void UCNV_FROM_U_CALLBACK_SUBSTITUTE(void) {}
EXPORT void UCNV_TO_U_CALLBACK_SUBSTITUTE(void) {}
EXPORT signed char ucnv_getMaxCharSize(P c) { return 4; }
EXPORT const char *ucnv_getAvailableName(int n) { return 0; }
EXPORT int ucnv_countAvailable(void) { return 0; }
#else
__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *, unsigned long); /* RtlGenRandom */
EXPORT int __stdcall ProcessPrng(unsigned char *bytes, unsigned long long count) {
    while (count) {
        unsigned long piece = count > 65536 ? 65536 : (unsigned long)count;
        if (!SystemFunction036(bytes, piece)) return 0;
        bytes += piece;
        count -= piece;
    }
    return 1;
}
#endif
