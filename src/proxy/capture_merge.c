#include "proxy/capture_merge.h"

/* `sequence` has no meaning outside of a ring: here it has the time of reading, in µs, which wraps
 * after more than an hour. */
static uint32_t stamp(uint64_t now_ns)
{
    return (uint32_t)(now_ns / 1000);
}

static uint64_t age_ns(const struct canring_frame *frame, uint64_t now_ns)
{
    return (uint64_t)(stamp(now_ns) - frame->sequence) * 1000;
}

bool cr_merge_push(struct cr_merge *merge, unsigned queue, const struct canring_frame *frame,
                   uint64_t now_ns)
{
    struct cr_fifo *frames = &merge->queues[queue].frames;
    uint64_t before = frames->bytes;

    frames->limit = UINT64_MAX;
    struct canring_frame *copy = cr_fifo_push(frames, frame);
    if (!copy)
        return false;
    copy->sequence = stamp(now_ns);
    merge->bytes += frames->bytes - before;
    return true;
}

static uint64_t key_of(const struct cr_merge_queue *queue, const struct canring_frame *front)
{
    return front->timestamp_ns > queue->last_ns ? front->timestamp_ns : queue->last_ns;
}

/* The front with the lowest time; *complete when every bus that goes on has one. */
static const struct canring_frame *lowest(const struct cr_merge *merge, unsigned *queue,
                                          bool *complete)
{
    const struct canring_frame *best = NULL;
    uint64_t best_key = 0;

    *complete = true;
    for (unsigned i = 0; i < merge->count; i++) {
        const struct cr_merge_queue *one = &merge->queues[i];
        const struct canring_frame *front = cr_fifo_front(&one->frames);
        if (!front) {
            *complete = *complete && one->ended;
            continue;
        }
        uint64_t key = key_of(one, front);
        if (best && key >= best_key)
            continue;
        best = front;
        best_key = key;
        *queue = i;
    }
    return best;
}

const struct canring_frame *cr_merge_front(const struct cr_merge *merge, uint64_t now_ns, bool all,
                                           unsigned *queue)
{
    bool complete;
    const struct canring_frame *front = lowest(merge, queue, &complete);

    if (!front || complete || all || merge->bytes > CR_MERGE_BYTES ||
        age_ns(front, now_ns) >= merge->window_ns)
        return front;
    return NULL;
}

void cr_merge_pop(struct cr_merge *merge, unsigned queue)
{
    struct cr_merge_queue *one = &merge->queues[queue];
    const struct canring_frame *front = cr_fifo_front(&one->frames);
    uint64_t before = one->frames.bytes;

    one->last_ns = key_of(one, front);
    cr_fifo_pop(&one->frames);
    merge->bytes -= before - one->frames.bytes;
}

uint64_t cr_merge_due(const struct cr_merge *merge, uint64_t now_ns)
{
    unsigned queue = 0;
    bool complete;
    const struct canring_frame *front = lowest(merge, &queue, &complete);

    if (!front)
        return UINT64_MAX;
    uint64_t age = age_ns(front, now_ns);
    return complete || age >= merge->window_ns ? 0 : merge->window_ns - age;
}

void cr_merge_clear(struct cr_merge *merge)
{
    for (unsigned i = 0; i < merge->count; i++)
        cr_fifo_clear(&merge->queues[i].frames);
    merge->bytes = 0;
}
