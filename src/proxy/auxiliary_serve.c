#include "proxy/auxiliary_serve.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <canring/log.h>
#include <canring/wait.h>

#include "proxy/ready.h"
#define LOGGER           "canring.auxiliary"
#define SLICE_MS         100 /* how long an fd that is missing now may take to be noticed */
#define NO_FD_POLL_MS    10 /* an implementation without fd is asked this long, as pykiso does it */
#define NO_FD_SLEEP_MS   1  /* beside that, should it not wait as it is told */
#define READY_MS         30000
#define REPORTS_PER_TURN 64 /* then requests have their turn */

/* Every serving thread of the process sleeps on it; it stays readable until the last has left. */
static atomic_int quit_fd = -1;
static atomic_int quit_wanted;
static int serving;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static pthread_mutex_t serving_lock = PTHREAD_MUTEX_INITIALIZER;

static _Thread_local struct cr_auxiliary_server *current;

int canring_auxiliary_check(const struct canring_auxiliary_ops *ops, struct canring_error *err)
{
    const struct {
        const char *name;
        bool there;
    } mandatory[] = {{"create_auxiliary_instance", ops->create_auxiliary_instance != NULL},
                     {"delete_auxiliary_instance", ops->delete_auxiliary_instance != NULL},
                     {"run_command", ops->run_command != NULL},
                     {"abort_command", ops->abort_command != NULL},
                     {"receive_message", ops->receive_message != NULL}};
    char missing[256] = "";
    size_t used = 0;
    for (unsigned i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++)
        if (!mandatory[i].there)
            used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s",
                                     used ? ", " : "", mandatory[i].name);
    return used ? canring_error_set(err, -EINVAL, "auxiliary %s lacks %s: all five are required",
                                    ops->name ? ops->name : "of no name", missing)
                : 0;
}

void canring_auxiliary_quit(void)
{
    const uint64_t one = 1;
    int saved = errno, fd = atomic_load(&quit_fd);
    atomic_store(&quit_wanted, 1);
    ssize_t written = fd >= 0 ? write(fd, &one, sizeof(one)) : 0;
    (void)written;
    errno = saved;
}

static void on_term(int number)
{
    (void)number;
    canring_auxiliary_quit();
}

/* SIGTERM ends it, unless the program has its own idea of that. */
static void take_sigterm(void)
{
    struct sigaction now, action = {.sa_handler = on_term};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        sigaction(SIGTERM, &action, NULL);
}

static void give_back_sigterm(void)
{
    struct sigaction now;
    if (sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == on_term)
        signal(SIGTERM, SIG_DFL);
}

/* In a child: nobody serves there, whoever held the lock is not there, and what tells us to quit is
 * not the child's to ring or to drain. */
static void after_fork_in_child(void)
{
    int fd = atomic_exchange(&quit_fd, -1);
    if (fd >= 0)
        close(fd);
    atomic_store(&quit_wanted, 0);
    serving = 0;
    pthread_mutex_init(&serving_lock, NULL);
    current = NULL;
    give_back_sigterm();
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

static int enter(struct canring_error *err)
{
    pthread_once(&prepared, prepare);
    pthread_mutex_lock(&serving_lock);
    int fd = atomic_load(&quit_fd);
    if (fd < 0) {
        fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        atomic_store(&quit_fd, fd);
    }
    if (fd >= 0 && serving++ == 0)
        take_sigterm();
    pthread_mutex_unlock(&serving_lock);
    return fd < 0 ? canring_error_set(err, -EMFILE, "eventfd: no descriptor free") : 0;
}

static void leave(void)
{
    uint64_t rung;
    pthread_mutex_lock(&serving_lock);
    if (--serving == 0) {
        give_back_sigterm();
        atomic_store(&quit_wanted, 0);
        ssize_t got = read(atomic_load(&quit_fd), &rung, sizeof(rung));
        (void)got;
    }
    pthread_mutex_unlock(&serving_lock);
}

void cr_auxiliary_arrived(void)
{
    if (!current)
        return;
    _Atomic uint32_t *word = &current->shared.header->arrivals;
    atomic_fetch_add_explicit(word, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&current->shared.callers->arrival_waiters, memory_order_seq_cst))
        syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* One thing received; false when there was none. */
static bool receive_one(struct cr_auxiliary_server *server, int timeout_ms)
{
    struct canring_message_view view = {0};
    if (server->ops->receive_message(server->context, timeout_ms, &view) <= 0)
        return false;
    struct cr_envelope e = {.id = ++server->report_id, .remote_id = view.remote_id};
    const struct cr_part parts[2] = {{view.data, view.size}, {NULL, 0}};
    if (view.size > CANRING_MESSAGE_MAX)
        canring_log(CANRING_LOG_ERROR, LOGGER, "%s: a report of %zu bytes is more than %u",
                    server->context->name, view.size, CANRING_MESSAGE_MAX);
    else
        cr_message_write(&server->reports, &e, parts, NULL, NULL);
    return true;
}

/* Nothing is taken that a report could not be made of: it waits where it is. */
static bool receive(struct cr_auxiliary_server *server, int timeout_ms)
{
    unsigned count = 0;
    if (!server->instance)
        return false;
    do
        server->reports_full =
            !canring_ring_fits(&server->reports, cr_message_room(CANRING_MESSAGE_MAX));
    while (!server->reports_full && receive_one(server, count ? 0 : timeout_ms) &&
           ++count < REPORTS_PER_TURN);
    return count > 0;
}

static bool serve_request(struct cr_auxiliary_server *server)
{
    int result = cr_assembly_take(&server->in, &server->requests);
    if (result > 0)
        cr_auxiliary_answer(server);
    if (result < 0) {
        canring_log(CANRING_LOG_ERROR, LOGGER, "%s: its requests are damaged: %s",
                    server->context->name, strerror(-result));
        server->stopped = result != -ENOMEM;
    }
    return result > 0;
}

static void drain_bell(const struct cr_auxiliary_server *server)
{
    uint64_t rung[64];
    while (read(server->shared.bell, rung, sizeof(rung)) == (ssize_t)sizeof(rung))
        ;
}

static bool announce(struct cr_auxiliary_server *server)
{
    bool idle = canring_ring_prepare(&server->requests, CANRING_ASLEEP_FD);
    if (server->reports_full)
        idle = canring_ring_prepare_room(&server->reports, cr_message_room(CANRING_MESSAGE_MAX),
                                         CANRING_ASLEEP_FD) &&
               idle;
    return idle && !atomic_load(&quit_wanted);
}

/* Sleep on requests and on what the implementation receives from. */
static void sleep_once(struct cr_auxiliary_server *server)
{
    struct pollfd fds[3] = {{.fd = server->shared.bell, .events = POLLIN},
                            {.fd = atomic_load(&quit_fd), .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};
    bool receives = server->instance && !server->reports_full;
    int timeout = -1;
    if (announce(server)) {
        if (receives && server->ops->fd) {
            fds[2].fd = server->ops->fd(server->context);
            timeout = fds[2].fd < 0 ? SLICE_MS : -1;
        } else if (receives) {
            timeout = NO_FD_SLEEP_MS;
        }
        poll(fds, 3, timeout);
        drain_bell(server);
    }
    canring_ring_awake(&server->requests);
    canring_ring_awake_room(&server->reports);
}

/* A caller that asks again at once finds us awake. On one processor it could not. */
static bool another_at_once(struct cr_auxiliary_server *server)
{
    static long processors;
    if (!processors)
        processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors > 1 &&
           canring_ring_wait(&server->requests, CANRING_WAIT_SPIN, CANRING_ADAPTIVE_NS) == 1;
}

static void loop(struct cr_auxiliary_server *server)
{
    while (!server->stopped && !atomic_load(&quit_wanted)) {
        bool busy = serve_request(server);
        if (server->stopped)
            return;
        bool received = receive(server, busy || server->ops->fd ? 0 : NO_FD_POLL_MS);
        if (busy ? another_at_once(server) : received)
            continue;
        if (!busy)
            sleep_once(server);
    }
}

int cr_auxiliary_tell(int ready, int result, const struct canring_error *err)
{
    struct cr_auxiliary_readiness readiness = {.result = result};
    if (ready < 0)
        return result;
    if (result < 0 && err)
        memcpy(readiness.text, err->text, sizeof(readiness.text));
    ssize_t written = write(ready, &readiness, sizeof(readiness));
    (void)written; /* nobody waits any more */
    close(ready);
    return result;
}

static void finish(struct cr_auxiliary_server *server)
{
    if (server->copy)
        cr_auxiliary_copy_end(server, NULL);
    cr_auxiliary_delete(server);
    if (server->ops->closed)
        server->ops->closed(server->context);
    current = NULL;
    cr_assembly_free(&server->in);
    cr_auxiliary_shared_close(&server->shared);
}

static int open_server(struct cr_auxiliary_server *server, bool auto_start,
                       struct canring_error *err)
{
    int result = cr_auxiliary_shared_create(&server->shared, server->context->name, err);
    if (result < 0)
        return result;
    cr_auxiliary_consumer(&server->requests, &server->shared.rings[CR_REQUESTS], -1);
    cr_auxiliary_producer(&server->replies, &server->shared.rings[CR_REPLIES], -1);
    cr_auxiliary_producer(&server->reports, &server->shared.rings[CR_REPORTS], -1);
    current = server;
    if (server->ops->opened)
        result = server->ops->opened(server->context, err);
    if (result == 0 && auto_start && cr_auxiliary_create(server) < 0) {
        result = canring_error_set(err, -ECANCELED, "auxiliary %s: creating its instance failed",
                                   server->context->name);
        if (server->ops->closed)
            server->ops->closed(server->context);
    }
    if (result == 0) {
        cr_auxiliary_shared_ready(&server->shared);
        return 0;
    }
    current = NULL;
    cr_auxiliary_shared_close(&server->shared);
    return result;
}

int cr_auxiliary_serve(const struct canring_auxiliary_ops *ops,
                       struct canring_auxiliary_context *context, bool auto_start, int ready,
                       struct canring_error *err)
{
    struct cr_auxiliary_server server = {.ops = ops, .context = context};
    struct canring_error own = {0};
    err = err ? err : &own;
    int result = canring_auxiliary_check(ops, err);
    if (result == 0)
        result = enter(err);
    if (result < 0)
        return cr_auxiliary_tell(ready, result, err);
    result = open_server(&server, auto_start, err);
    cr_auxiliary_tell(ready, result, err);
    if (result == 0) {
        loop(&server);
        finish(&server);
    }
    leave();
    return result;
}

int canring_auxiliary_serve(const struct canring_auxiliary_ops *ops,
                            struct canring_auxiliary_context *context, bool auto_start,
                            struct canring_error *err)
{
    return cr_auxiliary_serve(ops, context, auto_start, -1, err);
}

int cr_auxiliary_await(int ready, const char *name, struct canring_error *err)
{
    struct cr_auxiliary_readiness readiness;
    ssize_t got = cr_ready_wait(ready, READY_MS);
    if (got == -EINTR)
        return canring_error_set(err, -EINTR, "auxiliary %s: a signal ended its start", name);
    if (got == 0)
        return canring_error_set(err, -ETIMEDOUT, "auxiliary %s is not ready after %d s", name,
                                 READY_MS / 1000);
    do
        got = read(ready, &readiness, sizeof(readiness));
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(readiness))
        return canring_error_set(err, -ECHILD, "auxiliary %s ended before it was ready", name);
    readiness.text[sizeof(readiness.text) - 1] = '\0';
    return readiness.result < 0 ? canring_error_set(err, readiness.result, "%s", readiness.text)
                                : 0;
}

int canring_auxiliary_main(const struct canring_auxiliary_ops *ops)
{
    const char *name = getenv("CANRING_AUXILIARY"), *ready = getenv("CANRING_AUXILIARY_READY");
    const char *config = getenv("CANRING_AUXILIARY_CONFIG");
    const char *start = getenv("CANRING_AUXILIARY_AUTO_START");
    struct canring_auxiliary_context context = {.name = name,
                                                .config = config ? config : "{}",
                                                .channel = getenv("CANRING_AUXILIARY_CHANNEL")};
    struct canring_error err = {0};
    if (!name) {
        canring_log(CANRING_LOG_ERROR, LOGGER,
                    "CANRING_AUXILIARY is not set: this program is started by canring");
        return 2;
    }
    canring_log_open(name, NULL);
    int result = cr_auxiliary_serve(ops, &context, start && strcmp(start, "1") == 0,
                                    ready ? (int)strtol(ready, NULL, 10) : -1, &err);
    if (result < 0)
        canring_log(CANRING_LOG_ERROR, LOGGER, "%s", err.text);
    canring_log_close();
    return result < 0 ? 1 : 0;
}
