/* The second half of the harness: two processes on two processors, round trips and floods.
 *
 *     ipc_NAME [--mode MODE] [--rounds N] [--messages N]
 *
 * Prints one JSON line: round trip p50, p99, p99.9, max in ns over `rounds` (after a tenth of them
 * as warm-up), million messages/s over `messages` sent in one direction without waiting.
 */
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

static void ipc_child(struct link *links, uint64_t rounds, uint64_t messages)
{
    struct message message;
    bench_pin(1);
    link_reader(&links[0]);
    link_writer(&links[1]);
    for (uint64_t i = 0; i < rounds; i++) {
        link_receive(&links[0], &message);
        link_send(&links[1], &message);
    }
    for (uint64_t i = 0; i < messages; i++) {
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

int main(int argc, char **argv)
{
    uint64_t rounds = 20000, messages = 200000;
    const char *mode = "";
    static struct link links[2];
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--mode") == 0)
            mode = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0)
            rounds = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--messages") == 0)
            messages = strtoull(argv[i + 1], NULL, 10);
        else
            bench_die("unknown option %s", argv[i]);
    }
    const uint64_t warm_up = rounds / 10;
    link_create(links, mode);
    pid_t child = fork();
    if (child == 0) {
        ipc_child(links, rounds + warm_up, messages);
        _exit(0);
    }
    bench_pin(0);
    link_writer(&links[0]);
    link_reader(&links[1]);
    struct histogram *h = ipc_round_trips(links, rounds + warm_up, warm_up);
    double rate = ipc_flood(links, messages);
    int status;
    waitpid(child, &status, 0);
    if (status)
        bench_die("the other process failed");
    printf("{\"bench\": \"ipc\", \"peer\": \"%s%s%s\", \"size\": %d, \"rounds\": %llu, "
           "\"p50_ns\": %llu, \"p99_ns\": %llu, \"p999_ns\": %llu, \"max_ns\": %llu, "
           "\"mmessages_per_s\": %.3f}\n",
           peer_name, *mode ? " " : "", mode, IPC_SIZE, (unsigned long long)rounds,
           (unsigned long long)histogram_percentile(h, 0.5),
           (unsigned long long)histogram_percentile(h, 0.99),
           (unsigned long long)histogram_percentile(h, 0.999), (unsigned long long)h->max, rate);
    free(h);
    link_destroy(links);
    return 0;
}
