#include "proxy/fifo.h"

#include <stdlib.h>

#include "can/batch.h"

#define CHUNK_BYTES (64u * 1024u)

struct cr_fifo_chunk {
    struct cr_fifo_chunk *next;
    uint32_t begin, end; /* bytes */
    _Alignas(32) uint8_t bytes[CHUNK_BYTES];
};

static struct canring_frame *frame_at(struct cr_fifo_chunk *chunk, uint32_t at)
{
    return (struct canring_frame *)(void *)(chunk->bytes + at);
}

static struct cr_fifo_chunk *add_chunk(struct cr_fifo *fifo)
{
    struct cr_fifo_chunk *chunk = fifo->spare;
    if (chunk)
        fifo->spare = NULL;
    else
        chunk = aligned_alloc(32, sizeof(*chunk));
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->begin = chunk->end = 0;
    if (fifo->last)
        fifo->last->next = chunk;
    else
        fifo->first = chunk;
    fifo->last = chunk;
    return chunk;
}

struct canring_frame *cr_fifo_push(struct cr_fifo *fifo, const struct canring_frame *frame)
{
    uint32_t span = cr_record_span(frame->size);
    struct cr_fifo_chunk *chunk = fifo->last;
    if (fifo->count >= fifo->limit || (fifo->limit_bytes && fifo->bytes + span > fifo->limit_bytes))
        return NULL;
    if (!chunk || CHUNK_BYTES - chunk->end < span)
        chunk = add_chunk(fifo);
    if (!chunk)
        return NULL;
    struct canring_frame *copy = frame_at(chunk, chunk->end);
    canring_frame_copy(copy, frame);
    chunk->end += span;
    fifo->count++;
    fifo->bytes += span;
    return copy;
}

struct canring_frame *cr_fifo_front(const struct cr_fifo *fifo)
{
    return fifo->count ? frame_at(fifo->first, fifo->first->begin) : NULL;
}

unsigned cr_fifo_peek(const struct cr_fifo *fifo, const struct canring_frame **frames, unsigned max)
{
    unsigned count = 0;
    for (struct cr_fifo_chunk *chunk = fifo->first; chunk; chunk = chunk->next)
        for (uint32_t at = chunk->begin; at < chunk->end && count < max; count++) {
            frames[count] = frame_at(chunk, at);
            at += cr_record_span(frames[count]->size);
        }
    return count;
}

void cr_fifo_pop(struct cr_fifo *fifo)
{
    struct cr_fifo_chunk *chunk = fifo->first;
    if (!fifo->count)
        return;
    uint32_t span = cr_record_span(frame_at(chunk, chunk->begin)->size);
    fifo->count--;
    fifo->bytes -= span;
    chunk->begin += span;
    if (chunk->begin < chunk->end)
        return;
    fifo->first = chunk->next;
    if (!fifo->first)
        fifo->last = NULL;
    if (fifo->spare)
        free(chunk);
    else
        fifo->spare = chunk;
}

uint64_t cr_fifo_clear(struct cr_fifo *fifo)
{
    uint64_t dropped = fifo->count;
    while (fifo->first) {
        struct cr_fifo_chunk *next = fifo->first->next;
        free(fifo->first);
        fifo->first = next;
    }
    free(fifo->spare);
    fifo->spare = fifo->last = NULL;
    fifo->count = fifo->bytes = 0;
    return dropped;
}
