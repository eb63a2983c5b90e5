/* Records per second through one ring, from one process to another, every payload read and
 * checked.
 *
 *     bench_throughput [RUNS]
 *
 * Prints a JSON line per setting: record size, slots, records published at a time; median and range
 * of million records/s over RUNS (default 5), settings interleaved. Both sides pinned, spinning.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <canring/ring.h>

#include "rig.h"

static const struct setting {
    uint32_t size, slots, batch;
    uint64_t records;
} settings[] = {
    {32, 16384, 1, 20000000},    {32, 16384, 32, 40000000}, {32, 131072, 1, 20000000},
    {32, 131072, 128, 40000000}, {96, 16384, 1, 10000000},  {96, 16384, 32, 10000000},
};

enum { SETTINGS = sizeof(settings) / sizeof(settings[0]), RUNS_MAX = 100 };

/* Every word of the payload depends on the record's number. */
static void fill(uint64_t *payload, uint32_t words, uint64_t number)
{
    for (uint32_t i = 0; i < words; i++)
        payload[i] = number * 3 + i;
}

static uint64_t wrong(const uint64_t *payload, uint32_t words, uint64_t number)
{
    uint64_t difference = 0;
    for (uint32_t i = 0; i < words; i++)
        difference |= payload[i] ^ (number * 3 + i);
    return difference;
}

/* Each side keeps its end on its own stack, where the compiler can hold it in registers. */
static void produce(const struct canring_ring *ring, const struct setting *s)
{
    struct canring_producer end, *p = &end;
    canring_producer_init(p, ring);
    const uint32_t words = (s->size - CANRING_RECORD_HEADER) / 8;
    uint32_t batched = 0;
    bench_pin(1);
    for (uint64_t number = 0; number < s->records;) {
        uint8_t *record = canring_ring_claim(p, s->size);
        if (!record) {
            canring_ring_publish(p);
            batched = 0;
            canring_pause();
            continue;
        }
        fill((uint64_t *)(void *)(record + CANRING_RECORD_HEADER), words, number++);
        canring_ring_commit(p, s->size);
        if (++batched >= s->batch) {
            canring_ring_publish(p);
            batched = 0;
        }
    }
    canring_ring_publish(p);
}

static uint64_t consume(const struct canring_consumer *start, const struct setting *s)
{
    struct canring_consumer end = *start, *c = &end;
    const uint32_t words = (s->size - CANRING_RECORD_HEADER) / 8;
    const uint32_t release_at = s->slots / 8;
    uint64_t errors = 0;
    for (uint64_t number = 0; number < s->records;) {
        uint32_t size;
        const struct canring_record *record = canring_ring_peek(c, &size);
        if (!record) {
            if (canring_ring_unreleased(c))
                canring_ring_release(c);
            canring_pause();
            continue;
        }
        errors |=
            wrong((const uint64_t *)(const void *)((const uint8_t *)record + CANRING_RECORD_HEADER),
                  words, number++);
        canring_ring_consume(c, size);
        if (canring_ring_unreleased(c) >= release_at)
            canring_ring_release(c);
    }
    return errors;
}

static double run(const struct setting *s)
{
    struct canring_ring ring;
    struct canring_consumer c;
    struct canring_error err;
    if (canring_ring_create(&ring, s->slots, &err) < 0)
        bench_die("%s", err.text);
    canring_consumer_init(&c, &ring);
    pid_t child = fork();
    if (child == 0) {
        produce(&ring, s);
        _exit(0);
    }
    bench_pin(0);
    uint32_t size;
    while (!canring_ring_peek(&c, &size)) /* the clock starts with the first record */
        canring_pause();
    uint64_t start = bench_ns();
    uint64_t errors = consume(&c, s);
    double seconds = (double)(bench_ns() - start) / 1e9;
    waitpid(child, NULL, 0);
    canring_ring_destroy(&ring);
    if (errors)
        bench_die("a payload was wrong");
    return (double)s->records / seconds / 1e6;
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? atoi(argv[1]) : 5;
    static double rates[SETTINGS][RUNS_MAX];
    if (runs < 1 || runs > RUNS_MAX)
        bench_die("RUNS is 1 to %d", RUNS_MAX);
    if (bench_cpus() < 2)
        bench_die("this needs two processors");
    double before = bench_ping_pong_ns();
    for (int run_number = 0; run_number < runs; run_number++)
        for (unsigned i = 0; i < SETTINGS; i++)
            rates[i][run_number] = run(&settings[i]);
    for (unsigned i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings[i];
        double median = bench_median(rates[i], runs);
        printf(
            "{\"bench\": \"throughput\", \"size\": %u, \"slots\": %u, \"batch\": %u, \"runs\": %d, "
            "\"mrecords_per_s\": %.0f, \"min\": %.0f, \"max\": %.0f}\n",
            s->size, s->slots, s->batch, runs, median, rates[i][0], rates[i][runs - 1]);
    }
    printf("{\"bench\": \"ping_pong\", \"before_ns\": %.0f, \"after_ns\": %.0f}\n", before,
           bench_ping_pong_ns());
    return 0;
}
