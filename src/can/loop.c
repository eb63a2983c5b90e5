#include "can/loop_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* source->slot is the slot's index + 1, so that zeroed memory means "not armed". */
#define SLOTS_AT_FIRST 16u

uint64_t cr_slot_key(const struct cr_loop *loop, unsigned index)
{
    return (uint64_t)loop->slots[index].generation << 32 | index;
}

struct cr_slot *cr_slot_find(struct cr_loop *loop, uint64_t key)
{
    uint32_t index = (uint32_t)key;
    if (index >= loop->slot_count)
        return NULL;
    struct cr_slot *slot = &loop->slots[index];
    return slot->source && slot->generation == (uint32_t)(key >> 32) ? slot : NULL;
}

void cr_slot_free(struct cr_loop *loop, struct cr_slot *slot)
{
    (void)loop;
    uint32_t generation = slot->generation + 1;
    slot->source->slot = 0;
    if (slot->own_fd)
        close(slot->fd);
    memset(slot, 0, sizeof(*slot));
    slot->generation = generation;
}

static int slots_grow(struct cr_loop *loop)
{
    unsigned count = loop->slot_count ? loop->slot_count * 2 : SLOTS_AT_FIRST;
    struct cr_slot *slots = realloc(loop->slots, count * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    memset(slots + loop->slot_count, 0, (count - loop->slot_count) * sizeof(*slots));
    loop->slots = slots;
    loop->slot_count = count;
    return 0;
}

static int slot_new(struct cr_loop *loop, struct cr_source *source)
{
    unsigned index = 0;
    while (index < loop->slot_count && loop->slots[index].source)
        index++;
    if (index == loop->slot_count) {
        int rc = slots_grow(loop);
        if (rc < 0)
            return rc;
    }
    loop->slots[index].source = source;
    source->slot = index + 1;
    return (int)index;
}

static int slot_arm(struct cr_loop *loop, unsigned index)
{
    int rc = loop->backend->arm(loop, index);
    if (rc < 0)
        cr_slot_free(loop, &loop->slots[index]);
    return rc;
}

int cr_loop_watch(struct cr_loop *loop, struct cr_source *source, int fd, unsigned events)
{
    cr_loop_disarm(loop, source);
    int index = slot_new(loop, source);
    if (index < 0)
        return index;
    struct cr_slot *slot = &loop->slots[index];
    slot->kind = CR_SLOT_WATCH;
    slot->fd = fd;
    slot->events = events;
    return slot_arm(loop, (unsigned)index);
}

int cr_loop_recvmsg(struct cr_loop *loop, struct cr_source *source, int fd, struct msghdr *message,
                    struct cr_buffers *buffers)
{
    if (!loop->has_recvmsg)
        return -EOPNOTSUPP;
    cr_loop_disarm(loop, source);
    int index = slot_new(loop, source);
    if (index < 0)
        return index;
    struct cr_slot *slot = &loop->slots[index];
    slot->kind = CR_SLOT_RECVMSG;
    slot->fd = fd;
    slot->message = message;
    slot->buffers = buffers;
    return slot_arm(loop, (unsigned)index);
}

void cr_loop_disarm(struct cr_loop *loop, struct cr_source *source)
{
    if (cr_timer_remove(loop, source) || !source->slot)
        return;
    unsigned index = source->slot - 1;
    loop->backend->cancel(loop, index);
    cr_slot_free(loop, &loop->slots[index]);
}

static bool epoll_is_asked_for(void)
{
    const char *kind = getenv("CANRING_LOOP");
    return kind && strcmp(kind, "epoll") == 0;
}

static int open_loop(struct cr_loop **loop, bool force_epoll, bool sqpoll,
                     struct canring_error *err)
{
    int rc = -ENOSYS;
    if (!force_epoll && !epoll_is_asked_for())
        rc = cr_loop_open_uring(loop, sqpoll);
    if (rc < 0)
        rc = cr_loop_open_epoll(loop);
    if (rc < 0)
        return canring_error_set(err, rc, "event loop: %s", strerror(-rc));
    (*loop)->timer_fd = -1;
    (*loop)->timer_set_ns = UINT64_MAX;
    return 0;
}

int cr_loop_open(struct cr_loop **loop, bool force_epoll, struct canring_error *err)
{
    return open_loop(loop, force_epoll, false, err);
}

int cr_loop_open_sqpoll(struct cr_loop **loop, bool sqpoll, struct canring_error *err)
{
    return open_loop(loop, false, sqpoll, err);
}

void cr_loop_close(struct cr_loop *loop)
{
    if (!loop)
        return;
    for (unsigned i = 0; i < loop->slot_count; i++)
        if (loop->slots[i].source)
            cr_loop_disarm(loop, loop->slots[i].source);
    cr_timers_close(loop);
    free(loop->slots);
    loop->backend->close(loop);
}

enum cr_loop_kind cr_loop_kind(const struct cr_loop *loop)
{
    return loop->backend->kind;
}

bool cr_loop_sqpoll(const struct cr_loop *loop)
{
    return loop->sqpoll;
}

bool cr_loop_has_recvmsg(const struct cr_loop *loop)
{
    return loop->has_recvmsg;
}

int cr_loop_fd(struct cr_loop *loop)
{
    return loop->backend->fd(loop);
}

int cr_loop_wait(struct cr_loop *loop, uint64_t timeout_ns)
{
    return loop->backend->wait(loop, timeout_ns);
}

int cr_loop_poll(struct cr_loop *loop)
{
    return loop->backend->poll(loop);
}

uint64_t cr_loop_enters(const struct cr_loop *loop)
{
    return loop->enters;
}
