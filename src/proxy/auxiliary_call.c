#include <errno.h>
#include <time.h>

#include <canring/log.h>
#include <canring/wait.h>

#include "proxy/auxiliary_handle.h"
#include "proxy/control.h"
#include "shm/clock.h"

#define LOGGER           "canring.auxiliary"
#define NS_PER_MS        UINT64_C(1000000)
#define STOP_LOCK_NS     (1000 * NS_PER_MS) /* longer than that nobody's lock keeps it running */
#define STOP_NS          (5000 * NS_PER_MS)
#define INSTANCE_TIMEOUT (-1.0)

struct attempt {
    struct cr_auxiliary_link *link;
    struct cr_auxiliary_call *call;
    uint64_t id;
    uint64_t position; /* where the request begins in its ring */
    bool wrote;
};

/* In slices, each followed by a look whether there is still somebody who will make room. */
static bool wait_room(void *arg, struct canring_producer *p, uint32_t size)
{
    const struct attempt *attempt = arg;
    uint64_t slice = cr_auxiliary_slice(attempt->call->deadline);
    if (slice == 0)
        return false;
    if (canring_ring_wait_room(p, size, CANRING_WAIT_ADAPTIVE, slice))
        return true;
    return cr_auxiliary_shared_alive(&attempt->link->shared);
}

static int write_request(struct attempt *a, bool post)
{
    struct cr_auxiliary_shared *shared = &a->link->shared;
    const struct cr_auxiliary_call *call = a->call;
    struct canring_producer p;
    int result = cr_auxiliary_take(a->link, &shared->callers->request, call->deadline);
    if (result <= 0)
        return result == 0 ? -EAGAIN : result;
    struct cr_envelope e = {
        .id = a->id, .kind = call->kind, .message_size = (uint32_t)call->parts[0].size};
    cr_auxiliary_producer(&p, &shared->rings[CR_REQUESTS], shared->bell);
    if (p.broken) {
        cr_lock_give(&shared->callers->request);
        return -EPIPE;
    }
    a->position = p.head;
    a->wrote = true;
    bool all_at_once =
        canring_ring_fits(&p, cr_message_room(call->parts[0].size + call->parts[1].size));
    result = post && !all_at_once ? -EAGAIN : cr_message_write(&p, &e, call->parts, wait_room, a);
    cr_lock_give(&shared->callers->request);
    return result;
}

/* What earlier requests were answered too late. */
static void discard_replies(struct canring_consumer *c)
{
    uint32_t size;
    while (canring_ring_peek(c, &size)) {
        canring_ring_consume(c);
        canring_ring_release_wake(c);
    }
}

/* 1 our reply is in `in`, 0 timeout, negative errno. */
static int wait_reply(const struct attempt *a, struct canring_consumer *c, struct cr_assembly *in)
{
    for (bool alive = true;;) {
        int result = cr_assembly_take(in, c);
        if (result < 0 || (result > 0 && in->envelope.id == a->id))
            return result;
        if (result > 0)
            continue;
        if (!alive) /* what it answered before it went has been looked for */
            return -EPIPE;
        uint64_t slice = cr_auxiliary_slice(a->call->deadline);
        if (slice == 0)
            return 0;
        if (!canring_ring_wait(c, CANRING_WAIT_ADAPTIVE, slice))
            alive = cr_auxiliary_shared_alive(&a->link->shared);
    }
}

/* Under the call lock: the consumer's end of the replies is ours. */
static int converse(struct attempt *a)
{
    struct cr_auxiliary_shared *shared = &a->link->shared;
    struct cr_assembly in = {0};
    struct canring_consumer c;
    cr_auxiliary_consumer(&c, &shared->rings[CR_REPLIES], -1);
    discard_replies(&c);
    atomic_store_explicit(&shared->callers->awaited, a->id, memory_order_release);
    int result = write_request(a, false);
    if (result == 0)
        result = wait_reply(a, &c, &in);
    else if (result == -EAGAIN) /* no room in time, or nobody to make it */
        result = cr_auxiliary_shared_alive(shared) ? 0 : -EPIPE;
    atomic_store_explicit(&shared->callers->awaited, 0, memory_order_relaxed);
    if (result == 1) {
        a->call->result = in.envelope.result;
        cr_assembly_move(&in, &a->call->answer);
    }
    cr_assembly_free(&in);
    return result;
}

static int attempt_once(struct attempt *a)
{
    struct cr_auxiliary_callers *callers = a->link->shared.callers;
    bool post = a->call->kind & CR_REQUEST_NO_REPLY;
    a->id = atomic_fetch_add_explicit(&callers->ids, 1, memory_order_relaxed) + 1;
    if (post) {
        int result = write_request(a, true);
        if (result == -EAGAIN && !cr_auxiliary_shared_alive(&a->link->shared))
            return -EPIPE;
        return result == 0 ? 1 : result;
    }
    int result = cr_auxiliary_take(a->link, &callers->call, a->call->deadline);
    if (result <= 0)
        return result;
    result = converse(a);
    cr_lock_give(&callers->call);
    return result;
}

/* It died before it read the first fragment: asking its successor does nothing twice. */
static bool untouched(const struct attempt *a)
{
    const struct canring_ring *ring = &a->link->shared.rings[CR_REQUESTS];
    return !a->wrote || atomic_load_explicit(&ring->consumer_side->position,
                                             memory_order_acquire) <= a->position;
}

int cr_auxiliary_call(struct canring_auxiliary *auxiliary, struct cr_auxiliary_call *call)
{
    bool post = call->kind & CR_REQUEST_NO_REPLY, again = true;
    if (auxiliary->proxy)
        return -EOPNOTSUPP;
    if (call->parts[0].size > CANRING_MESSAGE_MAX || call->parts[1].size > CANRING_MESSAGE_MAX)
        return -EMSGSIZE;
    for (;;) {
        struct attempt attempt = {.call = call};
        /* Nobody waits for the end of what is posted: look before. */
        int result = cr_auxiliary_use(auxiliary, post, &attempt.link);
        if (result < 0)
            return result;
        result = attempt_once(&attempt);
        bool retry = result == -EPIPE && again && untouched(&attempt);
        if (result == -EPIPE)
            cr_auxiliary_lost(auxiliary, attempt.link);
        cr_auxiliary_release(auxiliary, attempt.link);
        if (!retry)
            return result;
        again = false;
    }
}

/* A request whose answer is a number. */
static int ask(struct canring_auxiliary *auxiliary, uint16_t kind, uint64_t deadline, int *answer)
{
    struct cr_auxiliary_call call = {.kind = kind, .deadline = deadline};
    int result = cr_auxiliary_call(auxiliary, &call);
    canring_message_free(&call.answer);
    *answer = call.result;
    return result;
}

/* 0 created, 1 there was one. */
static int create(struct canring_auxiliary *auxiliary, struct canring_error *err)
{
    int answer;
    if (auxiliary->proxy)
        return cr_auxiliary_proxy_ask(auxiliary, CR_OP_RESUME, err);
    int result =
        ask(auxiliary, CR_REQUEST_CREATE, cr_auxiliary_deadline(INSTANCE_TIMEOUT), &answer);
    if (result < 0)
        return canring_error_set(err, result, "auxiliary %s: %s", auxiliary->name,
                                 result == -EPIPE ? "its process is gone" : strerror(-result));
    if (answer < 0)
        return canring_error_set(err, answer, "auxiliary %s: creating its instance failed",
                                 auxiliary->name);
    return answer;
}

/* 0 deleted, 1 there was none. */
static int delete (struct canring_auxiliary *auxiliary)
{
    int answer;
    if (auxiliary->proxy)
        return cr_auxiliary_proxy_ask(auxiliary, CR_OP_SUSPEND, NULL);
    int result =
        ask(auxiliary, CR_REQUEST_DELETE, cr_auxiliary_deadline(INSTANCE_TIMEOUT), &answer);
    return result < 0 ? result : answer;
}

int canring_auxiliary_create_instance(struct canring_auxiliary *auxiliary,
                                      struct canring_error *err)
{
    int result = create(auxiliary, err);
    if (result == 1) {
        canring_error_set(err, 0, "auxiliary %s: its instance exists", auxiliary->name);
        result = 0;
    }
    return result;
}

int canring_auxiliary_delete_instance(struct canring_auxiliary *auxiliary)
{
    int result = delete (auxiliary);
    if (result == -ECANCELED)
        return 1;
    return result < 0 ? result : 0;
}

int canring_auxiliary_is_instance(struct canring_auxiliary *auxiliary)
{
    struct cr_auxiliary_link *link;
    if (auxiliary->proxy)
        return cr_auxiliary_proxy_ask(auxiliary, CR_OP_INSTANCE, NULL) == 1;
    if (cr_auxiliary_use(auxiliary, true, &link) < 0)
        return 0;
    int instance = atomic_load_explicit(&link->shared.header->instance, memory_order_acquire) != 0;
    cr_auxiliary_release(auxiliary, link);
    return instance;
}

int canring_auxiliary_suspend(struct canring_auxiliary *auxiliary)
{
    int result = delete (auxiliary);
    if (result == 1)
        canring_log(CANRING_LOG_WARNING, LOGGER, "%s is already stopped", auxiliary->name);
    return result;
}

int canring_auxiliary_resume(struct canring_auxiliary *auxiliary, struct canring_error *err)
{
    int result = create(auxiliary, err);
    if (result == 1)
        canring_log(CANRING_LOG_WARNING, LOGGER, "%s is already running", auxiliary->name);
    return result;
}

int canring_auxiliary_run_command(struct canring_auxiliary *auxiliary, const void *message,
                                  size_t message_size, const void *data, size_t data_size,
                                  bool blocking, double timeout_s, struct canring_message *reply)
{
    /* Without time to wait the command is still to be run. */
    bool post = !blocking || timeout_s == 0;
    struct cr_auxiliary_call call = {
        .kind = (uint16_t)(CR_REQUEST_COMMAND | (post ? CR_REQUEST_NO_REPLY : 0)),
        .parts = {{message, message_size}, {data, data_size}},
        .deadline = cr_auxiliary_deadline(post ? 0.1 : timeout_s)};
    if (reply)
        *reply = (struct canring_message){0};
    int result = cr_auxiliary_call(auxiliary, &call);
    if (result == 1)
        result = post ? 0 : call.result;
    if (result == 1 && reply)
        *reply = call.answer;
    else
        canring_message_free(&call.answer);
    return result;
}

int canring_auxiliary_abort_command(struct canring_auxiliary *auxiliary, bool blocking,
                                    double timeout_s)
{
    bool post = !blocking || timeout_s == 0;
    int answer;
    int result = ask(auxiliary, (uint16_t)(CR_REQUEST_ABORT | (post ? CR_REQUEST_NO_REPLY : 0)),
                     cr_auxiliary_deadline(post ? 0.1 : timeout_s), &answer);
    return result == 1 ? (post ? 0 : answer) : result;
}

/* Under the report lock. 1, 0 timeout, negative errno. */
static int next_report(struct cr_auxiliary_link *link, uint64_t deadline,
                       struct canring_message *report)
{
    struct cr_assembly in = {0};
    struct canring_consumer c;
    int result;
    cr_auxiliary_consumer(&c, &link->shared.rings[CR_REPORTS], link->shared.bell);
    for (bool alive = true;;) {
        result = cr_assembly_take(&in, &c);
        if (result != 0)
            break;
        if (!alive) {
            result = -EPIPE;
            break;
        }
        uint64_t slice = cr_auxiliary_slice(deadline);
        if (slice == 0 && !in.started)
            break;
        if (slice == 0) /* the rest of one that is being written */
            slice = CR_ALIVE_CHECK_NS;
        if (!canring_ring_wait(&c, CANRING_WAIT_ADAPTIVE, slice))
            alive = cr_auxiliary_shared_alive(&link->shared);
    }
    if (result == 1)
        cr_assembly_move(&in, report);
    cr_assembly_free(&in);
    return result;
}

int canring_auxiliary_wait_and_get_report(struct canring_auxiliary *auxiliary, bool blocking,
                                          double timeout_s, struct canring_message *report)
{
    struct cr_auxiliary_link *link;
    uint64_t deadline = cr_auxiliary_deadline(blocking ? timeout_s : 0);
    *report = (struct canring_message){0};
    if (auxiliary->proxy)
        return -EOPNOTSUPP;
    int result = cr_auxiliary_use(auxiliary, !blocking, &link);
    if (result < 0)
        return result;
    result = cr_auxiliary_take(link, &link->shared.callers->report, deadline);
    if (result == 1) {
        result = next_report(link, deadline, report);
        cr_lock_give(&link->shared.callers->report);
    }
    if (result == -EPIPE)
        cr_auxiliary_lost(auxiliary, link);
    cr_auxiliary_release(auxiliary, link);
    return result;
}

/* Until the process has let go of its name. */
static int await_end(const struct cr_auxiliary_link *link)
{
    uint64_t deadline = cr_monotonic_ns() + STOP_NS;
    const struct timespec pause = {.tv_nsec = 1000000};
    while (cr_auxiliary_shared_held(&link->shared)) {
        if (cr_monotonic_ns() > deadline)
            return -ETIMEDOUT;
        nanosleep(&pause, NULL);
    }
    return 0;
}

int canring_auxiliary_stop(struct canring_auxiliary *auxiliary)
{
    struct cr_auxiliary_link *link;
    int answer = 0;
    if (auxiliary->proxy)
        return cr_auxiliary_proxy_ask(auxiliary, CR_OP_STOP, NULL);
    int result = cr_auxiliary_use(auxiliary, true, &link);
    if (result < 0)
        return result;
    result = ask(auxiliary, CR_REQUEST_STOP, cr_monotonic_ns() + STOP_LOCK_NS, &answer);
    if (result == 0) /* somebody's lock, or a command that takes its time */
        result = ask(auxiliary, CR_REQUEST_STOP | CR_REQUEST_NO_REPLY,
                     cr_monotonic_ns() + STOP_LOCK_NS, &answer);
    if (result > 0)
        result = await_end(link);
    cr_auxiliary_release(auxiliary, link);
    return result < 0 ? result : answer;
}
