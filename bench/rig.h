/* What every bench needs: its words, time, pinning, medians. */
#ifndef CANRING_BENCH_RIG_H
#define CANRING_BENCH_RIG_H

#include <stdint.h>

uint64_t bench_ns(void);

/* First of all: what the program was called with. "-h" prints `usage` and ends the program; more
 * than `most` words are misuse. */
void bench_words(int argc, char **argv, int most, const char *usage);
/* Word `which`, from 1; `missing` where it was not given. What is no whole number of `least` to
 * `most` is misuse. */
const char *bench_word(int which, const char *missing);
uint64_t bench_number(int which, uint64_t missing, uint64_t least, uint64_t most);
/* The same of any text. */
uint64_t bench_value(const char *text, uint64_t least, uint64_t most);
/* Print "error: …" and the usage, and end the program with 2. */
void bench_misuse(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The processors that this process may run on, as it was started. */
int bench_cpus(void);
/* Pin the calling thread to the one with number `cpu` among them (modulo). */
void bench_pin(int cpu);
/* End the program with 77 where there is one only. */
void bench_two_processors(void);

/* Fetch and lock all memory of this process, now and later, so that no page fault falls into what
 * is measured; where that is not allowed, say so and go on. */
void bench_lock_memory(void);

/* Median of `count` values; sorts them. */
double bench_median(double *values, int count);

/* Round trip of one cache line between two pinned threads, p50 in ns: tells how far apart the
 * processors are, to be noted with every figure. Needs two: on one it takes hours. */
double bench_ping_pong_ns(void);

/* Print "error: …" and end the program: a bench that cannot run has no figure. */
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
