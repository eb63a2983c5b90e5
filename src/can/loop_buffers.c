#include "can/loop_uring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GROUPS_MAX 64u /* bits of cr_uring.groups */

struct cr_buffers {
    struct cr_uring *uring;
    struct io_uring_buf_ring *ring;
    uint8_t *memory;
    size_t ring_bytes, memory_bytes;
    unsigned count, size, group;
    int pending; /* returned, not yet shown to the kernel */
};

static void *map_pages(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void unmap_pages(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}

static int register_ring(struct cr_buffers *buffers)
{
    struct cr_uring *uring = buffers->uring;
    unsigned group = 0;
    while (group < GROUPS_MAX && (uring->groups & (UINT64_C(1) << group)))
        group++;
    if (group == GROUPS_MAX)
        return -ENOSPC;
    struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)buffers->ring,
                                   .ring_entries = buffers->count,
                                   .bgid = (uint16_t)group};
    int rc = io_uring_register_buf_ring(&uring->ring, &reg, 0);
    if (rc < 0)
        return rc;
    uring->groups |= UINT64_C(1) << group;
    buffers->group = group;
    return 0;
}

static void buffers_destroy(struct cr_buffers *buffers)
{
    unmap_pages(buffers->ring, buffers->ring_bytes);
    unmap_pages(buffers->memory, buffers->memory_bytes);
    free(buffers);
}

int cr_loop_buffers_new(struct cr_loop *loop, struct cr_buffers **result, unsigned count,
                        unsigned size)
{
    if (!loop->has_recvmsg)
        return -EOPNOTSUPP;
    struct cr_buffers *buffers = calloc(1, sizeof(*buffers));
    if (!buffers)
        return -ENOMEM;
    buffers->uring = cr_uring_of(loop);
    buffers->count = count;
    buffers->size = size;
    buffers->ring_bytes = count * sizeof(struct io_uring_buf);
    buffers->memory_bytes = (size_t)count * size;
    buffers->ring = map_pages(buffers->ring_bytes);
    buffers->memory = map_pages(buffers->memory_bytes);
    int rc = buffers->ring && buffers->memory ? register_ring(buffers) : -ENOMEM;
    if (rc < 0) {
        buffers_destroy(buffers);
        return rc;
    }
    for (unsigned id = 0; id < count; id++)
        cr_loop_buffer_return(buffers, id);
    cr_loop_buffers_flush(buffers);
    *result = buffers;
    return 0;
}

void cr_loop_buffers_free(struct cr_buffers *buffers)
{
    if (!buffers)
        return;
    io_uring_unregister_buf_ring(&buffers->uring->ring, (int)buffers->group);
    buffers->uring->groups &= ~(UINT64_C(1) << buffers->group);
    buffers_destroy(buffers);
}

unsigned cr_buffers_group(const struct cr_buffers *buffers)
{
    return buffers->group;
}

void *cr_loop_buffer(const struct cr_buffers *buffers, unsigned id)
{
    return buffers->memory + (size_t)id * buffers->size;
}

void cr_loop_buffer_return(struct cr_buffers *buffers, unsigned id)
{
    io_uring_buf_ring_add(buffers->ring, cr_loop_buffer(buffers, id), buffers->size, (uint16_t)id,
                          io_uring_buf_ring_mask(buffers->count), buffers->pending++);
}

void cr_loop_buffers_flush(struct cr_buffers *buffers)
{
    if (buffers->pending)
        io_uring_buf_ring_advance(buffers->ring, buffers->pending);
    buffers->pending = 0;
}

/* The kernel has no flag that says "recvmsg may be multishot": ask for one and look. A kernel
 * that does not know it answers -EINVAL at once, so this never waits for long. */
static bool try_recvmsg(struct cr_loop *loop, struct cr_buffers *buffers, const int pair[2])
{
    struct io_uring *ring = &cr_uring_of(loop)->ring;
    struct msghdr message = {0};
    struct __kernel_timespec limit = {.tv_sec = 1};
    struct io_uring_cqe *cqe = NULL;
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

    io_uring_prep_recvmsg_multishot(sqe, pair[0], &message, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = (uint16_t)buffers->group;
    if (send(pair[1], "x", 1, MSG_DONTWAIT) != 1 ||
        io_uring_submit_and_wait_timeout(ring, &cqe, 1, &limit, NULL) < 0 || !cqe)
        return false;
    return cqe->res > 0 && (cqe->flags & IORING_CQE_F_MORE);
}

bool cr_uring_probe_recvmsg(unsigned flags)
{
    struct cr_uring probe = {.loop.has_recvmsg = true};
    struct cr_buffers *buffers;
    bool works = false;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    if (io_uring_queue_init(4, &probe.ring, flags & ~(unsigned)IORING_SETUP_R_DISABLED) == 0) {
        if (cr_loop_buffers_new(&probe.loop, &buffers, 4, 128) == 0) {
            works = try_recvmsg(&probe.loop, buffers, pair);
            /* The request is still armed: nothing is sent any more, so nothing is written. */
            shutdown(pair[0], SHUT_RDWR);
            cr_loop_buffers_free(buffers);
        }
        io_uring_queue_exit(&probe.ring);
    }
    close(pair[0]);
    close(pair[1]);
    return works;
}
