/* What the event loop and its two backends share.
 *
 * Included by loop*.c and nobody else. The front (loop.c, loop_timer.c) keeps the table of armed
 * sources and the timers; a backend (loop_uring.c, loop_epoll.c) turns kernel events into calls of
 * cr_slot_find and ready(). A backend must never call ready() on a source whose slot is gone.
 */
#ifndef CANRING_LOOP_CORE_H
#define CANRING_LOOP_CORE_H

#include "can/loop.h"

enum cr_slot_kind { CR_SLOT_FREE, CR_SLOT_WATCH, CR_SLOT_RECVMSG };

/* One armed source. Its key (index and generation) travels through the kernel, so that an event
 * of a source that was disarmed meanwhile is recognised without touching the source. */
struct cr_slot {
    struct cr_source *source;
    uint32_t generation;
    enum cr_slot_kind kind;
    int fd;
    unsigned events;
    bool in_kernel; /* the kernel holds a request that will post again */
    bool own_fd;    /* `fd` is our duplicate */
    bool in_epoll;  /* the kernel tells of it through an epoll instance */
    struct msghdr *message;
    struct cr_buffers *buffers;
};

struct cr_timer {
    uint64_t expiry_ns;
    struct cr_source *source;
};

struct cr_loop_backend {
    enum cr_loop_kind kind;
    void (*close)(struct cr_loop *loop);
    int (*fd)(struct cr_loop *loop);
    /* Ask the kernel for the events of a slot; release them and wait until it is done. */
    int (*arm)(struct cr_loop *loop, unsigned index);
    void (*cancel)(struct cr_loop *loop, unsigned index);
    int (*wait)(struct cr_loop *loop, uint64_t timeout_ns);
    int (*poll)(struct cr_loop *loop);
};

struct cr_loop {
    const struct cr_loop_backend *backend;
    struct cr_slot *slots;
    unsigned slot_count;
    struct cr_timer *timers;
    unsigned timer_count, timer_space;
    int timer_fd;          /* one for all timers, armed to the earliest */
    uint64_t timer_set_ns; /* what it is armed to; UINT64_MAX = nothing */
    struct cr_source timer_source;
    uint64_t enters;
    bool has_recvmsg;
    bool sqpoll; /* a thread of the kernel's takes our requests */
};

int cr_loop_open_uring(struct cr_loop **loop, bool sqpoll);
int cr_loop_open_epoll(struct cr_loop **loop);

uint64_t cr_slot_key(const struct cr_loop *loop, unsigned index);
/* The live slot of that key, or NULL when its source was disarmed. */
struct cr_slot *cr_slot_find(struct cr_loop *loop, uint64_t key);
void cr_slot_free(struct cr_loop *loop, struct cr_slot *slot);

/* A watch of a slot in an epoll instance: add and remove it, and hand over what has come, which
 * returns the number of sources that were called or a negative errno, -EINTR as 0. */
int cr_slot_epoll_add(struct cr_loop *loop, unsigned index, int epoll);
void cr_slot_epoll_remove(const struct cr_loop *loop, unsigned index, int epoll);
int cr_slot_epoll_dispatch(struct cr_loop *loop, int epoll);

bool cr_timer_remove(struct cr_loop *loop, struct cr_source *source);
void cr_timers_close(struct cr_loop *loop);

#endif
