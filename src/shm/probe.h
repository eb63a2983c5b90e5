/* Places where perf, bpftrace and SystemTap can look at a frame on its way.
 *
 * Each is one nop in the code and a note in the file (USDT, provider "canring", without
 * semaphores), until a tracer puts a breakpoint there. Compiled out where <sys/sdt.h> is missing or
 * with -DCANRING_PROBES=OFF. The arguments are evaluated always, so they are values at hand. Never
 * used in public headers. docs/tracing.md has the list; tests/test_probes.sh compares it with the
 * library.
 */
#ifndef CANRING_PROBE_H
#define CANRING_PROBE_H

#if defined(__has_include) && !defined(CANRING_NO_PROBES)
#if __has_include(<sys/sdt.h>)
#define CR_PROBES 1
#endif
#endif

#ifdef CR_PROBES
#include <sys/sdt.h>
#ifdef __clang__ /* its macros take "..." and are given nothing for it */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif
#define CR_PROBE1(name, a)          DTRACE_PROBE1(canring, name, a)
#define CR_PROBE2(name, a, b)       DTRACE_PROBE2(canring, name, a, b)
#define CR_PROBE3(name, a, b, c)    DTRACE_PROBE3(canring, name, a, b, c)
#define CR_PROBE4(name, a, b, c, d) DTRACE_PROBE4(canring, name, a, b, c, d)
#else
#define CR_PROBE1(name, a)          ((void)(a))
#define CR_PROBE2(name, a, b)       ((void)(a), (void)(b))
#define CR_PROBE3(name, a, b, c)    ((void)(a), (void)(b), (void)(c))
#define CR_PROBE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#endif

#endif
