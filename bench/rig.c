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

static struct {
    int count;
    char **list;
    const char *usage;
} words;

void bench_words(int argc, char **argv, int most, const char *usage)
{
    words.count = argc;
    words.list = argv;
    words.usage = usage;
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        printf("usage: %s\n", usage);
        exit(0);
    }
    if (argc - 1 > most)
        bench_misuse("'%s' is not expected", argv[most + 1]);
}

const char *bench_word(int which, const char *missing)
{
    return which < words.count ? words.list[which] : missing;
}

uint64_t bench_number(int which, uint64_t missing, uint64_t least, uint64_t most)
{
    const char *text = bench_word(which, NULL);
    return text ? bench_value(text, least, most) : missing;
}

uint64_t bench_value(const char *text, uint64_t least, uint64_t most)
{
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (!*text || text[strspn(text, "0123456789")] || errno || value < least || value > most)
        bench_misuse("'%s': allowed is a whole number of %llu to %llu", text,
                     (unsigned long long)least, (unsigned long long)most);
    return value;
}

static pthread_once_t looked = PTHREAD_ONCE_INIT;
static cpu_set_t allowed; /* before anything was pinned */

static void look(void)
{
    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
        bench_die("the processors are not known: %s", strerror(errno));
}

int bench_cpus(void)
{
    pthread_once(&looked, look);
    return CPU_COUNT(&allowed);
}

void bench_pin(int cpu)
{
    cpu_set_t set;
    size_t at = 0;
    for (int left = cpu % bench_cpus(); !CPU_ISSET(at, &allowed) || left--; at++)
        ;
    CPU_ZERO(&set);
    CPU_SET(at, &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0)
        bench_die("processor %zu: %s", at, strerror(errno));
}

void bench_two_processors(void)
{
    if (bench_cpus() > 1)
        return;
    fputs("two processors are needed\n", stderr);
    exit(77);
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
    (void)bench_cpus(); /* before one of the two is pinned */
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

__attribute__((format(printf, 1, 0))) static void say_error(const char *format, va_list args)
{
    fputs("error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void bench_misuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_error(format, args);
    va_end(args);
    fprintf(stderr, "usage: %s\n", words.usage);
    exit(2);
}

void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_error(format, args);
    va_end(args);
    exit(1);
}
