#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <canring/ring.h>

#include "histogram.h"
#include "shm/clock.h"

enum { PING_PONG_ROUNDS = 200000 };

uint64_t bench_ns(void)
{
    return cr_monotonic_ns();
}

int bench_cpus(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int bench_pin(int cpu)
{
    cpu_set_t set;
    cpu %= bench_cpus();
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
    return cpu;
}

void bench_lock_memory(void)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        fprintf(stderr, "memory is not locked: %s\n", strerror(errno));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

struct line {
    _Alignas(128) _Atomic uint32_t value;
};

static struct line there, back;

static void *answer(void *arg)
{
    (void)arg;
    bench_pin(1);
    for (uint32_t i = 1; i <= PING_PONG_ROUNDS; i++) {
        while (atomic_load_explicit(&there.value, memory_order_acquire) != i)
            ;
        atomic_store_explicit(&back.value, i, memory_order_release);
    }
    return NULL;
}

double bench_ping_pong_ns(void)
{
    pthread_t thread;
    struct histogram *h = histogram_new();
    atomic_store(&there.value, 0);
    atomic_store(&back.value, 0);
    if (!h || pthread_create(&thread, NULL, answer, NULL))
        bench_die("no memory or no thread");
    bench_pin(0);
    for (uint32_t i = 1; i <= PING_PONG_ROUNDS; i++) {
        uint64_t start = bench_ns();
        atomic_store_explicit(&there.value, i, memory_order_release);
        while (atomic_load_explicit(&back.value, memory_order_acquire) != i)
            ;
        histogram_add(h, bench_ns() - start);
    }
    pthread_join(thread, NULL);
    double p50 = (double)histogram_percentile(h, 0.5);
    free(h);
    return p50;
}

void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}
