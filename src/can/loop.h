/* The event loop that buses, doorbells, timers and control sockets sleep in.
 *
 * io_uring (single issuer, deferred task work where the kernel has it), or epoll where
 * io_uring is missing or forbidden. One thread runs it: the first to call cr_loop_wait or
 * cr_loop_poll. It knows nothing of frames.
 */
#ifndef CANRING_LOOP_H
#define CANRING_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <canring/error.h>

struct cr_loop;

/* Something that can become ready; embed it in its owner. `ready` runs inside
 * cr_loop_wait/cr_loop_poll on the loop's thread. It may arm and disarm any source.
 * Must stay at its address from arming until cr_loop_disarm returned. */
struct cr_source {
    void (*ready)(struct cr_source *source, int result, unsigned flags, unsigned buffer);
    void *owner;
    unsigned slot, timer; /* the loop's: index + 1 of each, 0 = not armed, as before the first */
};

/* `flags` of ready(). */
#define CR_READY_BUFFER 1u /* `buffer` is the id of a provided buffer holding `result` bytes */
#define CR_READY_LAST   2u /* the request has ended: arm again to go on */

enum cr_loop_kind { CR_LOOP_URING, CR_LOOP_EPOLL };

/* Open. `force_epoll`, or CANRING_LOOP=epoll in the environment, skips io_uring. Errors as the
 * kernel gives them. */
int cr_loop_open(struct cr_loop **loop, bool force_epoll, struct canring_error *err);
/* Likewise, and with `sqpoll` let a thread of the kernel's take requests and run completions, so
 * that a busy loop never enters the kernel: costs a processor while there is traffic. A kernel that
 * refuses gives a loop without: cr_loop_sqpoll tells. */
int cr_loop_open_sqpoll(struct cr_loop **loop, bool sqpoll, struct canring_error *err);
/* Closes and cancels everything; sources are forgotten, their fds stay open. */
void cr_loop_close(struct cr_loop *loop);
enum cr_loop_kind cr_loop_kind(const struct cr_loop *loop);
bool cr_loop_sqpoll(const struct cr_loop *loop);
/* True when cr_loop_recvmsg works here (probed at open by doing it). */
bool cr_loop_has_recvmsg(const struct cr_loop *loop);
/* Readable (poll, epoll) when cr_loop_poll would dispatch something. The first call makes io_uring
 * loops tell of their watches through it, so it belongs to the thread that runs the loop. Negative
 * errno: no descriptor or memory is left for it; the loop works as before. */
int cr_loop_fd(struct cr_loop *loop);

/* Level of readiness: ready() with result = the poll events (POLLIN, POLLOUT, POLLERR, POLLHUP);
 * stays armed (multishot) until disarmed. The callee drains the fd until EAGAIN. */
int cr_loop_watch(struct cr_loop *loop, struct cr_source *source, int fd, unsigned events);

/* ready() once after `ns` nanoseconds (CLOCK_MONOTONIC), result 0. Arming an armed timer moves it.
 */
int cr_loop_timer(struct cr_loop *loop, struct cr_source *source, uint64_t ns);

/* Multishot recvmsg into provided buffers. `message` gives name and control lengths as for
 * io_uring_prep_recvmsg_multishot and must stay valid; `buffers` from cr_loop_buffers_new. Each
 * ready() with CR_READY_BUFFER hands over one buffer: struct io_uring_recvmsg_out, name, control,
 * payload; the owner returns it with cr_loop_buffer_return when it has read it. result < 0: a
 * negative errno, with CR_READY_LAST: -ENOBUFS (re-arm once buffers are back), -ENETDOWN, …. */
struct cr_buffers;
int cr_loop_recvmsg(struct cr_loop *loop, struct cr_source *source, int fd, struct msghdr *message,
                    struct cr_buffers *buffers);
/* `count` (power of two ≤ 32768) buffers of `size` bytes each. */
int cr_loop_buffers_new(struct cr_loop *loop, struct cr_buffers **buffers, unsigned count,
                        unsigned size);
void cr_loop_buffers_free(struct cr_buffers *buffers);
void *cr_loop_buffer(const struct cr_buffers *buffers, unsigned id);
/* Collects; the kernel sees them at cr_loop_buffers_flush (one release store for many). */
void cr_loop_buffer_return(struct cr_buffers *buffers, unsigned id);
void cr_loop_buffers_flush(struct cr_buffers *buffers);

/* Cancel and wait until the kernel is done with it: afterwards ready() is not called any
 * more, and a received frame that was in flight is discarded. */
void cr_loop_disarm(struct cr_loop *loop, struct cr_source *source);

/* Dispatch what is there; sleep up to `timeout_ns` (UINT64_MAX = for ever) for the first event.
 * Returns events dispatched; 0 on timeout or signal; negative errno when the loop itself broke. */
int cr_loop_wait(struct cr_loop *loop, uint64_t timeout_ns);

/* Dispatch what is there, never sleep. Makes no system call when nothing is pending: completions
 * and the kernel's "task work pending" flag are read from shared memory (io_uring with
 * TASKRUN_FLAG); with epoll, or once cr_loop_fd was called, it is one epoll_wait. */
int cr_loop_poll(struct cr_loop *loop);

/* System calls made to enter the kernel (io_uring_enter, epoll_wait). */
uint64_t cr_loop_enters(const struct cr_loop *loop);

#endif
