/* Round trip of a command to an auxiliary, beside the same over a socketpair and over POSIX message
 * queues.
 *
 *   bench_command [ROUNDS]
 *
 * The three take turns in one run, so that whatever else the machine does meets all of them. Caller
 * and servers are pinned to processors 0 and 1 when there are two. One line of JSON: nanoseconds.
 */
#include <canring/auxiliary.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy_process.h"
#include "rig.h"

#define MESSAGE   16
#define TURN      100 /* round trips of one kind before the next has its turn */
#define KINDS     3
#define ROUNDS    200
#define PAUSE_NS  200000 /* before a turn: the peer has gone to sleep */
#define NAME_SIZE 64

struct peers {
    struct canring_auxiliary *auxiliary;
    int socket;
    mqd_t to, from;
};

/* ---- the servers -------------------------------------------------------------------------- */

static bool yes(struct canring_auxiliary_context *context)
{
    (void)context;
    return true;
}

static int echo(struct canring_auxiliary_context *context, const void *message, size_t message_size,
                const void *data, size_t data_size, struct canring_message_view *reply)
{
    (void)context, (void)data, (void)data_size;
    *reply = (struct canring_message_view){.data = message, .size = message_size};
    return 1;
}

static int nothing(struct canring_auxiliary_context *context, int timeout_ms,
                   struct canring_message_view *message)
{
    (void)context, (void)timeout_ms, (void)message;
    return 0;
}

static int no_fd(struct canring_auxiliary_context *context)
{
    (void)context;
    return -1;
}

static void serve_auxiliary(void)
{
    static const struct canring_auxiliary_ops ops = {.name = "echo",
                                                     .create_auxiliary_instance = yes,
                                                     .delete_auxiliary_instance = yes,
                                                     .run_command = echo,
                                                     .abort_command = yes,
                                                     .receive_message = nothing,
                                                     .fd = no_fd};
    struct canring_auxiliary_context context = {.name = "bench", .config = "{}"};
    canring_auxiliary_serve(&ops, &context, true, NULL);
}

static void serve_socket(int socket)
{
    char message[MESSAGE];
    while (recv(socket, message, sizeof(message), 0) == MESSAGE)
        if (send(socket, message, sizeof(message), MSG_NOSIGNAL) != MESSAGE)
            return;
}

static void serve_queue(mqd_t to, mqd_t from)
{
    char message[MESSAGE];
    while (mq_receive(to, message, sizeof(message), NULL) == MESSAGE)
        if (mq_send(from, message, sizeof(message), 0) < 0)
            return;
}

static pid_t start(unsigned kind, int socket, mqd_t to, mqd_t from)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_pin(1);
    if (kind == 0)
        serve_auxiliary();
    else if (kind == 1)
        serve_socket(socket);
    else
        serve_queue(to, from);
    _exit(0);
}

/* ---- the caller --------------------------------------------------------------------------- */

static bool ask(const struct peers *peers, unsigned kind)
{
    char message[MESSAGE] = "round trip";
    struct canring_message reply;
    if (kind == 1)
        return send(peers->socket, message, MESSAGE, MSG_NOSIGNAL) == MESSAGE &&
               recv(peers->socket, message, MESSAGE, 0) == MESSAGE;
    if (kind == 2)
        return mq_send(peers->to, message, MESSAGE, 0) == 0 &&
               mq_receive(peers->from, message, MESSAGE, NULL) == MESSAGE;
    if (canring_auxiliary_run_command(peers->auxiliary, message, MESSAGE, NULL, 0, true, 5.0,
                                      &reply) != 1)
        return false;
    canring_message_free(&reply);
    return true;
}

static bool turn(const struct peers *peers, unsigned kind, uint64_t *samples)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    nanosleep(&pause, NULL);
    for (unsigned i = 0; i < TURN; i++) {
        uint64_t began = bench_ns();
        if (!ask(peers, kind))
            return false;
        samples[i] = bench_ns() - began;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, uint64_t *samples, size_t count, const char *after)
{
    qsort(samples, count, sizeof(*samples), by_value);
    printf("\"%s\": {\"p50\": %llu, \"p99\": %llu, \"max\": %llu}%s", name,
           (unsigned long long)samples[count / 2], (unsigned long long)samples[count * 99 / 100],
           (unsigned long long)samples[count - 1], after);
}

static int measure(const struct peers *peers, size_t rounds)
{
    static const char *const names[KINDS] = {"run_command", "socketpair", "mqueue"};
    uint64_t *samples = calloc(KINDS * rounds * TURN, sizeof(*samples));
    if (!samples)
        return 1;
    for (size_t round = 0; round < rounds; round++)
        for (unsigned kind = 0; kind < KINDS; kind++)
            if (!turn(peers, kind, samples + (kind * rounds + round) * TURN)) {
                fprintf(stderr, "bench_command: %s failed\n", names[kind]);
                free(samples);
                return 1;
            }
    printf("{\"bench\": \"command\", \"unit\": \"ns\", \"bytes\": %d, \"samples\": %zu, "
           "\"processors\": %d, ",
           MESSAGE, rounds * TURN, bench_cpus());
    for (unsigned kind = 0; kind < KINDS; kind++)
        print(names[kind], samples + kind * rounds * TURN, rounds * TURN,
              kind + 1 < KINDS ? ", " : "}\n");
    free(samples);
    return 0;
}

/* The name is not needed: the servers inherit it open. */
static mqd_t make_queue(void)
{
    struct mq_attr attributes = {.mq_maxmsg = 8, .mq_msgsize = MESSAGE};
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "/canring-bench-%d", (int)getpid());
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
    mq_unlink(name);
    return queue;
}

static struct canring_auxiliary *open_when_there(void)
{
    struct canring_auxiliary *auxiliary = NULL;
    const struct timespec pause = {.tv_nsec = 10000000};
    for (unsigned tries = 0; tries < 500 && !auxiliary; tries++)
        if (canring_auxiliary_open(&auxiliary, "bench", NULL) < 0)
            nanosleep(&pause, NULL);
    return auxiliary;
}

int main(int argc, char **argv)
{
    bench_words(argc, argv, 1, "bench_command [ROUNDS]");
    size_t rounds = bench_number(1, ROUNDS, 1, 100000);
    int sockets[2];
    pid_t servers[KINDS];
    proxy_process_folder();
    mqd_t to = make_queue(), from = make_queue();
    if (to < 0 || from < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) < 0)
        bench_die("no queue or no socket: %s", strerror(errno));
    (void)bench_cpus(); /* before one of them is pinned */
    for (unsigned kind = 0; kind < KINDS; kind++)
        servers[kind] = start(kind, sockets[1], to, from);
    bench_pin(0);
    struct peers peers = {
        .auxiliary = open_when_there(), .socket = sockets[0], .to = to, .from = from};
    if (!peers.auxiliary)
        bench_die("the auxiliary did not start");
    int result = measure(&peers, rounds);
    canring_auxiliary_close(peers.auxiliary);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        kill(servers[kind], SIGTERM);
        waitpid(servers[kind], NULL, 0);
    }
    return result;
}
