/* What every bench needs: time, pinning, medians. */
#ifndef CANRING_BENCH_RIG_H
#define CANRING_BENCH_RIG_H

#include <stdint.h>

uint64_t bench_ns(void);

/* Pin the calling thread to processor `cpu` of those there are (modulo); returns the one. */
int bench_pin(int cpu);
int bench_cpus(void);

/* Fetch and lock all memory of this process, now and later, so that no page fault falls into what
 * is measured; where that is not allowed, say so and go on. */
void bench_lock_memory(void);

/* Median of `count` values; sorts them. */
double bench_median(double *values, int count);

/* Round trip of one cache line between two pinned threads, p50 in ns: tells how far apart the
 * processors are, to be noted with every figure. */
double bench_ping_pong_ns(void);

/* Print "error: …" and end the program: a bench that cannot run has no figure. */
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
