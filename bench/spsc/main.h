/* The second half of the harness: threads, options, output. Included last by each peer.
 *
 * The peer has defined:
 *   struct peer_end;    what a thread holds of the queue, on its own stack
 *   void peer_create(unsigned slots);   the queue, for so many records, zeroed and touched
 *   void peer_producer(struct peer_end *), void peer_consumer(struct peer_end *)
 *   unsigned peer_write(struct peer_end *, uint64_t number, unsigned count)
 *       put up to `count` records with these numbers and make them visible; how many
 *   unsigned peer_read(struct peer_end *, uint64_t number, unsigned count, struct spsc_wrong *)
 *       take and check up to `count`; how many
 *   const char peer_name[]
 *
 * Prints one JSON line: million records/s and, where the machine has the counters, cycles,
 * instructions and cache misses of either thread, for each record.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "../counters.h" /* C++ has a <compare>, so that bench/ is no folder to search */

struct spsc_options {
    unsigned slots, batch, pause, late;
    uint64_t records;
};

static struct spsc_options spsc = {16384, 1, 0, 0, 10000000};
static pthread_barrier_t spsc_start;
static struct counters spsc_producer_counters, spsc_consumer_counters;

static uint64_t spsc_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void spsc_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)(cpu % (int)sysconf(_SC_NPROCESSORS_ONLN)), &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) {
        perror("two processors are needed");
        exit(1);
    }
}

/* The loops are made twice: for one record at a time, where every peer is spared the counting of a
 * batch as a caller of its single operation is, and for `batch` of them. */
#define SPSC_INLINE static inline __attribute__((always_inline))

SPSC_INLINE void spsc_write_all(struct peer_end *end, const struct spsc_options *o, unsigned batch)
{
    for (uint64_t number = 0; number < o->records;) {
        uint64_t left = o->records - number;
        unsigned done = peer_write(end, number, left < batch ? (unsigned)left : batch);
        number += done;
        if (__builtin_expect(!done, 0))
            spsc_pause();
    }
}

/* What opens and reads counters is kept out of the functions with the loops: compilers would find
 * other registers for these. */
#ifdef __clang__
#define SPSC_APART static __attribute__((noinline))
#else
#define SPSC_APART static __attribute__((noipa))
#endif

SPSC_APART void *spsc_produce(void *arg)
{
    struct peer_end end;
    const struct spsc_options o = spsc;
    (void)arg;
    spsc_pin(1);
    peer_producer(&end);
    pthread_barrier_wait(&spsc_start);
    if (o.batch == 1)
        spsc_write_all(&end, &o, 1);
    else
        spsc_write_all(&end, &o, o.batch);
    return NULL;
}

static void *spsc_produce_counted(void *arg)
{
    (void)counters_start(&spsc_producer_counters, 0, counters_cpu, COUNTERS_CPU);
    spsc_produce(arg);
    counters_stop(&spsc_producer_counters);
    return NULL;
}

/* A consumer that is sometimes late: away for 20 us, every so many records. */
#define SPSC_LATE_EVERY (1u << 17)

static void spsc_be_late(void)
{
    uint64_t until = spsc_ns() + 20000;
    while (spsc_ns() < until)
        ;
}

SPSC_INLINE void spsc_read_some(struct peer_end *end, const struct spsc_options *o, unsigned batch,
                                uint64_t *at, uint64_t until, struct spsc_wrong *wrong)
{
    struct spsc_wrong found = *wrong; /* whose address nobody has: it stays in registers */
    uint64_t number = *at;
    while (number < until) {
        uint64_t left = o->records - number;
        unsigned done = peer_read(end, number, left < batch ? (unsigned)left : batch, &found);
        number += done;
        if (__builtin_expect(!done, 0))
            for (unsigned i = 0; i < o->pause; i++)
                spsc_pause();
    }
    *wrong = found;
    *at = number;
}

SPSC_APART bool spsc_consume(uint64_t *ns)
{
    struct peer_end end;
    const struct spsc_options o = spsc;
    uint64_t number = 0;
    struct spsc_wrong wrong;
    memset(&wrong, 0, sizeof(wrong));
    spsc_pin(0);
    peer_consumer(&end);
    pthread_barrier_wait(&spsc_start);
    uint64_t start = spsc_ns();
    while (number < o.records) {
        uint64_t until = o.late ? number + SPSC_LATE_EVERY : o.records;
        if (until > o.records)
            until = o.records;
        if (o.batch == 1)
            spsc_read_some(&end, &o, 1, &number, until, &wrong);
        else
            spsc_read_some(&end, &o, o.batch, &number, until, &wrong);
        if (o.late)
            spsc_be_late();
    }
    *ns = spsc_ns() - start;
    return spsc_any(&wrong);
}

static bool spsc_consume_counted(uint64_t *ns)
{
    int counted = counters_start(&spsc_consumer_counters, 0, counters_cpu, COUNTERS_CPU);
    if (counted < 0)
        fprintf(stderr, "%s: no CPU counters here: %s\n", peer_name, counters_reason(-counted));
    bool wrong = spsc_consume(ns);
    counters_stop(&spsc_consumer_counters);
    return wrong;
}

static uint64_t spsc_number(const char *name, const char *text)
{
    unsigned long long value = text ? strtoull(text, NULL, 10) : 0;
    if (!text || !*text || text[strspn(text, "0123456789")]) {
        fprintf(stderr, "%s: a number is wanted\n", name);
        exit(2);
    }
    return value;
}

static void spsc_options_read(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i];
        uint64_t value = spsc_number(name, argv[i + 1]);
        if (strcmp(name, "--slots") == 0)
            spsc.slots = (unsigned)value;
        else if (strcmp(name, "--batch") == 0)
            spsc.batch = (unsigned)value;
        else if (strcmp(name, "--pause") == 0)
            spsc.pause = (unsigned)value;
        else if (strcmp(name, "--late") == 0)
            spsc.late = (unsigned)value;
        else if (strcmp(name, "--records") == 0)
            spsc.records = value;
        else {
            fprintf(stderr, "usage: [--slots N] [--batch N] [--pause N] [--late 0|1] "
                            "[--records N]\n");
            exit(2);
        }
    }
    if (spsc.batch < 1 || spsc.batch > SPSC_BATCH_MAX || !spsc.slots ||
        (spsc.slots & (spsc.slots - 1)) || !spsc.records) {
        fprintf(stderr, "--batch is 1 to %d, --slots a power of two, --records 1 at least\n",
                SPSC_BATCH_MAX);
        exit(2);
    }
}

/* NOLINTNEXTLINE(misc-definitions-in-headers): the program is made of this header */
int main(int argc, char **argv)
{
    pthread_t producer;
    uint64_t ns = 0;
    spsc_options_read(argc, argv);
    pthread_barrier_init(&spsc_start, NULL, 2);
    peer_create(spsc.slots);
    if (pthread_create(&producer, NULL, spsc_produce_counted, NULL) != 0)
        return 1;
    bool wrong = spsc_consume_counted(&ns);
    pthread_join(producer, NULL);
    if (wrong) {
        fprintf(stderr, "%s: a record was wrong\n", peer_name);
        return 1;
    }
    printf("{\"bench\": \"spsc\", \"peer\": \"%s\", \"size\": %d, \"slots\": %u, \"batch\": %u, "
           "\"pause\": %u, \"late\": %u, \"mrecords_per_s\": %.1f",
           peer_name, SPSC_SIZE, spsc.slots, spsc.batch, spsc.pause, spsc.late,
           (double)spsc.records * 1e3 / (double)ns);
    counters_print(stdout, &spsc_producer_counters, "producer", (double)spsc.records);
    counters_print(stdout, &spsc_consumer_counters, "consumer", (double)spsc.records);
    puts("}");
    return 0;
}
