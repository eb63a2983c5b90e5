#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proxy/auxiliary_communication.h"
#include "proxy/auxiliary_handle.h"
#include "shm/clock.h"

#define NS_PER_S 1000000000u
/* Beyond a send's own bound, should others be before us. */
#define ANSWER_S 25.0
/* A receive that waits says so again this often: one whose process died is soon forgotten. */
#define RENEW_NS UINT64_C(1000000000)

static int ask(struct canring_auxiliary *auxiliary, struct cr_communication_request *request,
               const void *data, size_t size, struct canring_message *reply)
{
    request->magic = CR_COMMUNICATION_MAGIC;
    request->caller = getpid();
    return canring_auxiliary_run_command(auxiliary, request, sizeof(*request), data, size, true,
                                         ANSWER_S, reply);
}

static int explain(const struct canring_auxiliary *auxiliary, int code, size_t size, uint32_t id,
                   struct canring_error *err)
{
    switch (code) {
    case -EDESTADDRREQ:
        return canring_error_set(err, code,
                                 "auxiliary %s: a message without remote_id, and its connector has "
                                 "none either",
                                 auxiliary->name);
    case -ERANGE:
        return canring_error_set(err, code,
                                 "auxiliary %s: remote_id 0x%X is too large: at most 0x7FF, or "
                                 "0x1FFFFFFF with is_extended_id",
                                 auxiliary->name, id);
    case -EMSGSIZE:
        return canring_error_set(err, code,
                                 "auxiliary %s: a message of %zu bytes: at most 8, or 64 with "
                                 "is_fd",
                                 auxiliary->name, size);
    case -ENOTCONN:
        return canring_error_set(err, code, "auxiliary %s has no instance", auxiliary->name);
    case -EPIPE:
        return canring_error_set(err, code, "auxiliary %s: its process is gone", auxiliary->name);
    case -EINVAL:
        return canring_error_set(err, code, "auxiliary %s is no CommunicationAuxiliary",
                                 auxiliary->name);
    default:
        return canring_error_set(err, code, "auxiliary %s: %s", auxiliary->name, strerror(-code));
    }
}

int canring_communication_send(struct canring_auxiliary *auxiliary, const void *data, size_t size,
                               bool has_id, uint32_t remote_id, struct canring_error *err)
{
    struct cr_communication_request request = {.operation = CR_COMMUNICATION_SEND,
                                               .began_ns = cr_monotonic_ns(),
                                               .has_id = has_id,
                                               .remote_id = remote_id};
    struct canring_message reply;
    int result = ask(auxiliary, &request, data, size, &reply);
    canring_message_free(&reply);
    return result < 0 ? explain(auxiliary, result, size, remote_id, err) : result;
}

static void wait_word(_Atomic uint32_t *word, uint32_t seen, uint64_t ns)
{
    const struct timespec limit = {.tv_sec = (time_t)(ns / NS_PER_S),
                                   .tv_nsec = (long)(ns % NS_PER_S)};
    syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0);
}

/* Sleep until something arrives, without holding a lock: others may send meanwhile. */
static int wait_arrival(struct canring_auxiliary *auxiliary, uint32_t seen, uint64_t deadline)
{
    struct cr_auxiliary_link *link;
    int result = cr_auxiliary_use(auxiliary, false, &link);
    if (result < 0)
        return result;
    struct cr_auxiliary_header *header = link->shared.header;
    _Atomic uint32_t *waiters = &link->shared.callers->arrival_waiters;
    atomic_fetch_add_explicit(waiters, 1, memory_order_seq_cst);
    uint64_t slice = cr_auxiliary_slice(deadline);
    while (slice && atomic_load_explicit(&header->arrivals, memory_order_seq_cst) == seen &&
           result == 0) {
        wait_word(&header->arrivals, seen, slice);
        slice = cr_auxiliary_slice(deadline);
        if (atomic_load_explicit(&header->arrivals, memory_order_seq_cst) == seen &&
            !cr_auxiliary_shared_alive(&link->shared))
            result = -EPIPE;
    }
    atomic_fetch_sub_explicit(waiters, 1, memory_order_relaxed);
    if (result == -EPIPE)
        cr_auxiliary_lost(auxiliary, link);
    cr_auxiliary_release(auxiliary, link);
    return result;
}

static int arrivals_now(struct canring_auxiliary *auxiliary, uint32_t *seen)
{
    struct cr_auxiliary_link *link;
    int result = cr_auxiliary_use(auxiliary, false, &link);
    if (result < 0)
        return result;
    *seen = atomic_load_explicit(&link->shared.header->arrivals, memory_order_seq_cst);
    cr_auxiliary_release(auxiliary, link);
    return 0;
}

int canring_communication_receive(struct canring_auxiliary *auxiliary, bool blocking,
                                  double timeout_s, struct canring_message *message)
{
    struct cr_communication_request request = {.operation = CR_COMMUNICATION_RECEIVE,
                                               .began_ns = cr_monotonic_ns()};
    uint64_t deadline = cr_auxiliary_deadline(blocking ? timeout_s : 0);
    *message = (struct canring_message){0};
    if (auxiliary->proxy)
        return -EOPNOTSUPP;
    for (;;) {
        uint32_t seen;
        int result = arrivals_now(auxiliary, &seen);
        uint64_t renew = cr_monotonic_ns() + RENEW_NS;
        if (renew > deadline)
            renew = deadline;
        request.until_ns = renew;
        if (result == 0)
            result = ask(auxiliary, &request, NULL, 0, message);
        if (result != 0 || cr_auxiliary_slice(deadline) == 0)
            return result;
        result = wait_arrival(auxiliary, seen, renew);
        if (result < 0)
            return result;
        request.operation = CR_COMMUNICATION_RECEIVE_MORE;
    }
}

static int simple(struct canring_auxiliary *auxiliary, uint32_t operation)
{
    struct cr_communication_request request = {.operation = operation,
                                               .began_ns = cr_monotonic_ns()};
    return ask(auxiliary, &request, NULL, 0, NULL);
}

int canring_communication_clear_buffer(struct canring_auxiliary *auxiliary)
{
    return simple(auxiliary, CR_COMMUNICATION_CLEAR);
}

int canring_communication_collect_begin(struct canring_auxiliary *auxiliary)
{
    return simple(auxiliary, CR_COMMUNICATION_COLLECT_BEGIN);
}

int canring_communication_collect_end(struct canring_auxiliary *auxiliary)
{
    return simple(auxiliary, CR_COMMUNICATION_COLLECT_END);
}
