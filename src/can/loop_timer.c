#include "can/loop_core.h"
#include "shm/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Timers live here, not in the kernel: arming and disarming one is memory only, save when it
 * becomes the earliest. source->timer is the index + 1. Dozens, so a scan will do. */

static void timer_fd_set(struct cr_loop *loop, uint64_t expiry_ns)
{
    /* Zero would disarm: the first nanosecond after boot is long past and fires at once. */
    uint64_t at = expiry_ns ? expiry_ns : 1;
    const struct itimerspec spec = {
        .it_value = {.tv_sec = (time_t)(at / 1000000000u), .tv_nsec = (long)(at % 1000000000u)}};
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    loop->timer_set_ns = expiry_ns;
}

static struct cr_timer *earliest(struct cr_loop *loop)
{
    struct cr_timer *first = NULL;
    for (unsigned i = 0; i < loop->timer_count; i++)
        if (!first || loop->timers[i].expiry_ns < first->expiry_ns)
            first = &loop->timers[i];
    return first;
}

bool cr_timer_remove(struct cr_loop *loop, struct cr_source *source)
{
    if (!source->timer)
        return false;
    struct cr_timer *hole = &loop->timers[source->timer - 1];
    struct cr_timer *last = &loop->timers[--loop->timer_count];
    *hole = *last;
    hole->source->timer = source->timer;
    source->timer = 0;
    return true;
}

/* A timer armed again from its own ready() waits for the next round: only as many are run as
 * there were. */
static void run_expired(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    struct cr_loop *loop = source->owner;
    uint64_t expirations, now = cr_monotonic_ns();
    if (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0)
        loop->timer_set_ns = UINT64_MAX;

    struct cr_timer *first = earliest(loop);
    for (unsigned n = loop->timer_count; n && first && first->expiry_ns <= now; n--) {
        struct cr_source *due = first->source;
        cr_timer_remove(loop, due);
        due->ready(due, 0, CR_READY_LAST, 0);
        first = earliest(loop);
    }
    if (first && first->expiry_ns < loop->timer_set_ns)
        timer_fd_set(loop, first->expiry_ns);
}

static int timer_fd_open(struct cr_loop *loop)
{
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timer_fd < 0)
        return -errno;
    loop->timer_source = (struct cr_source){.ready = run_expired, .owner = loop};
    int rc = cr_loop_watch(loop, &loop->timer_source, loop->timer_fd, POLLIN);
    if (rc < 0) {
        close(loop->timer_fd);
        loop->timer_fd = -1;
    }
    return rc;
}

static int timers_grow(struct cr_loop *loop)
{
    unsigned space = loop->timer_space ? loop->timer_space * 2 : 8;
    struct cr_timer *timers = realloc(loop->timers, space * sizeof(*timers));
    if (!timers)
        return -ENOMEM;
    loop->timers = timers;
    loop->timer_space = space;
    return 0;
}

int cr_loop_timer(struct cr_loop *loop, struct cr_source *source, uint64_t ns)
{
    int rc = loop->timer_fd < 0 ? timer_fd_open(loop) : 0;
    if (rc < 0)
        return rc;
    cr_loop_disarm(loop, source);
    if (loop->timer_count == loop->timer_space && (rc = timers_grow(loop)) < 0)
        return rc;
    uint64_t now = cr_monotonic_ns(),
             expiry_ns = ns > UINT64_MAX / 2 - now ? UINT64_MAX / 2 : now + ns;
    loop->timers[loop->timer_count++] = (struct cr_timer){expiry_ns, source};
    source->timer = loop->timer_count;
    if (expiry_ns < loop->timer_set_ns)
        timer_fd_set(loop, expiry_ns);
    return 0;
}

void cr_timers_close(struct cr_loop *loop)
{
    while (loop->timer_count)
        cr_timer_remove(loop, loop->timers[0].source);
    free(loop->timers);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
}
