/* The second half of the harness: two processes on two processors; round trips, floods, and single
 * messages to a peer that has waited for a while.
 *
 *     ipc_NAME [--mode MODE] [--rounds N] [--messages N] [--wakes N] [--cdf FILE]
 *
 * Prints one JSON line: round trip p50, p99, p99.9, max in ns over `rounds` (after a tenth of them
 * as warm-up); million messages/s over `messages` sent in one direction without waiting; one way
 * p50, p99 in ns over `wakes` messages, sent when the receiver has waited for 200 us (asleep, if
 * it sleeps), by the one clock that both processes read. --cdf: the distribution of the round
 * trips, a line "ns share" for each duration that occurred.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "histogram.h"
#include "rig.h"

static void ipc_fill(struct message *message, uint64_t number)
{
    for (unsigned i = 0; i < IPC_WORDS; i++)
        message->words[i] = number * 3 + i;
}

static void ipc_verify(const struct message *message, uint64_t number)
{
    for (unsigned i = 0; i < IPC_WORDS; i++)
        if (message->words[i] != number * 3 + i)
            bench_die("message %llu is wrong", (unsigned long long)number);
}

#define IPC_GAP_NS 200000u
#define IPC_MOST   1000000000u

struct ipc_plan {
    uint64_t rounds, messages, wakes;
};

static void ipc_child(struct link *links, struct ipc_plan plan, struct histogram *one_way)
{
    struct message message;
    bench_pin(1);
    link_reader(&links[0]);
    link_writer(&links[1]);
    bench_lock_memory();
    for (uint64_t i = 0; i < plan.rounds; i++) {
        link_receive(&links[0], &message);
        link_send(&links[1], &message);
    }
    for (uint64_t i = 0; i < plan.wakes; i++) {
        link_receive(&links[0], &message);
        histogram_add(one_way, bench_ns() - message.words[0]);
    }
    for (uint64_t i = 0; i < plan.messages; i++) {
        link_receive(&links[0], &message);
        ipc_verify(&message, i);
    }
    link_send(&links[1], &message);
    link_receive(&links[0], &message); /* stay until the answer was read */
}

static struct histogram *ipc_round_trips(struct link *links, uint64_t rounds, uint64_t warm_up)
{
    struct histogram *h = histogram_new();
    struct message out, in;
    if (!h)
        bench_die("no memory");
    for (uint64_t i = 0; i < rounds; i++) {
        ipc_fill(&out, i);
        uint64_t start = bench_ns();
        link_send(&links[0], &out);
        link_receive(&links[1], &in);
        uint64_t took = bench_ns() - start;
        ipc_verify(&in, i);
        if (i >= warm_up)
            histogram_add(h, took);
    }
    return h;
}

static void ipc_wakes(struct link *links, uint64_t wakes)
{
    struct message message = {{0}};
    for (uint64_t i = 0; i < wakes; i++) {
        uint64_t until = bench_ns() + IPC_GAP_NS;
        while (bench_ns() < until)
            ;
        message.words[0] = bench_ns();
        link_send(&links[0], &message);
    }
}

/* Shared with the child that is forked later. */
static struct histogram *ipc_shared_histogram(void)
{
    struct histogram *h =
        mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (h == MAP_FAILED)
        bench_die("no memory");
    histogram_clear(h);
    return h;
}

static void ipc_write_cdf(const struct histogram *h, const char *path)
{
    FILE *file = fopen(path, "w");
    uint64_t before = 0;
    if (!file)
        bench_die("cannot write %s", path);
    for (unsigned i = 10; i < 10000; i += i < 9900 ? 10 : 1) {
        const double share = i / 10000.0;
        uint64_t ns = histogram_percentile(h, share);
        if (ns != before)
            fprintf(file, "%llu %.4f\n", (unsigned long long)ns, share);
        before = ns;
    }
    if (fclose(file) != 0)
        bench_die("cannot write %s", path);
}

static double ipc_flood(struct link *links, uint64_t messages)
{
    struct message message;
    uint64_t start = bench_ns();
    for (uint64_t i = 0; i < messages; i++) {
        ipc_fill(&message, i);
        link_send(&links[0], &message);
    }
    link_receive(&links[1], &message);
    uint64_t took = bench_ns() - start;
    link_send(&links[0], &message);
    return (double)messages * 1e3 / (double)took;
}

/* NOLINTNEXTLINE(misc-definitions-in-headers): the program is made of this header */
int main(int argc, char **argv)
{
    struct ipc_plan plan = {.rounds = 20000, .messages = 200000, .wakes = 2000};
    const char *mode = "", *cdf = NULL;
    static struct link links[2];
    bench_words(argc, argv, argc,
                "ipc_NAME [--mode MODE] [--rounds N] [--messages N] [--wakes N] [--cdf FILE]");
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            bench_misuse("%s: nothing follows", argv[i]);
        else if (strcmp(argv[i], "--mode") == 0)
            mode = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0)
            plan.rounds = bench_value(argv[i + 1], 1, IPC_MOST);
        else if (strcmp(argv[i], "--messages") == 0)
            plan.messages = bench_value(argv[i + 1], 1, IPC_MOST);
        else if (strcmp(argv[i], "--cdf") == 0)
            cdf = argv[i + 1];
        else if (strcmp(argv[i], "--wakes") == 0)
            plan.wakes = bench_value(argv[i + 1], 0, IPC_MOST);
        else
            bench_misuse("unknown option %s", argv[i]);
    }
    bench_two_processors();
    const uint64_t rounds = plan.rounds, warm_up = rounds / 10;
    struct histogram *one_way = ipc_shared_histogram();
    plan.rounds += warm_up;
    link_create(links, mode);
    pid_t child = fork();
    if (child == 0) {
        ipc_child(links, plan, one_way);
        exit(0); /* a mechanism may have something to end, see atexit() */
    }
    bench_pin(0);
    link_writer(&links[0]);
    link_reader(&links[1]);
    bench_lock_memory();
    struct histogram *h = ipc_round_trips(links, plan.rounds, warm_up);
    ipc_wakes(links, plan.wakes);
    double rate = ipc_flood(links, plan.messages);
    int status;
    waitpid(child, &status, 0);
    if (status)
        bench_die("the other process failed");
    printf("{\"bench\": \"ipc\", \"peer\": \"%s%s%s\", \"size\": %d, \"rounds\": %llu, "
           "\"p50_ns\": %llu, \"p99_ns\": %llu, \"p999_ns\": %llu, \"max_ns\": %llu, "
           "\"one_way_p50_ns\": %llu, \"one_way_p99_ns\": %llu, \"mmessages_per_s\": %.3f}\n",
           peer_name, *mode ? " " : "", mode, IPC_SIZE, (unsigned long long)rounds,
           (unsigned long long)histogram_percentile(h, 0.5),
           (unsigned long long)histogram_percentile(h, 0.99),
           (unsigned long long)histogram_percentile(h, 0.999), (unsigned long long)h->max,
           (unsigned long long)histogram_percentile(one_way, 0.5),
           (unsigned long long)histogram_percentile(one_way, 0.99), rate);
    if (cdf)
        ipc_write_cdf(h, cdf);
    free(h);
    link_destroy(links);
    return 0;
}
