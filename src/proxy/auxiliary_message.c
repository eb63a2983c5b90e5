#include "proxy/auxiliary_message.h"

#include <errno.h>
#include <stdlib.h>

struct fragment {
    uint32_t sequence; /* the ring's */
    uint16_t size;     /* the ring's */
    uint16_t kind;
    uint64_t id;
    uint32_t total;
    uint32_t offset;
    uint32_t message_size;
    int32_t result;
    uint32_t remote_id;
    uint32_t reserved;
    uint8_t data[];
};

_Static_assert(sizeof(struct fragment) == 40, "shared layout");

#define FRAGMENT_MAX ((uint32_t)sizeof(struct fragment) + CR_FRAGMENT_DATA)

/* `size` bytes of the message that the two parts make, from `offset` on. */
static void gather(uint8_t *to, const struct cr_part parts[2], size_t offset, size_t size)
{
    for (unsigned i = 0; i < 2 && size; i++) {
        if (offset >= parts[i].size) {
            offset -= parts[i].size;
            continue;
        }
        size_t piece = parts[i].size - offset < size ? parts[i].size - offset : size;
        memcpy(to, (const uint8_t *)parts[i].data + offset, piece);
        to += piece;
        size -= piece;
        offset = 0;
    }
}

static struct fragment *claim(struct canring_producer *p, uint32_t size, cr_room_fn *room,
                              void *arg)
{
    struct fragment *fragment;
    while (!(fragment = canring_ring_claim(p, size)))
        if (p->broken || !room || !room(arg, p, size))
            return NULL;
    return fragment;
}

int cr_message_write(struct canring_producer *p, struct cr_envelope *e,
                     const struct cr_part parts[2], cr_room_fn *room, void *arg)
{
    e->total = (uint32_t)(parts[0].size + parts[1].size);
    uint32_t offset = 0;
    do {
        uint32_t piece = e->total - offset;
        if (piece > CR_FRAGMENT_DATA)
            piece = CR_FRAGMENT_DATA;
        uint32_t size = (uint32_t)sizeof(struct fragment) + piece;
        struct fragment *fragment = claim(p, size, room, arg);
        if (!fragment)
            return p->broken ? -EPIPE : -EAGAIN;
        fragment->kind = e->kind;
        fragment->id = e->id;
        fragment->total = e->total;
        fragment->offset = offset;
        fragment->message_size = e->message_size;
        fragment->result = e->result;
        fragment->remote_id = e->remote_id;
        fragment->reserved = 0;
        gather(fragment->data, parts, offset, piece);
        canring_ring_commit(p, size);
        canring_ring_publish_wake(p);
        offset += piece;
    } while (offset < e->total);
    return 0;
}

uint32_t cr_message_room(size_t total)
{
    return (uint32_t)(total / CR_FRAGMENT_DATA + 1) * (FRAGMENT_MAX + CANRING_SLOT);
}

static int reserve(struct cr_assembly *a, size_t total)
{
    if (a->capacity > total)
        return 0;
    uint8_t *data = realloc(a->data, total + 1);
    if (!data)
        return -ENOMEM;
    a->data = data;
    a->capacity = total + 1;
    return 0;
}

static int begin(struct cr_assembly *a, const struct fragment *f)
{
    a->envelope = (struct cr_envelope){.id = f->id,
                                       .total = f->total,
                                       .message_size = f->message_size,
                                       .result = f->result,
                                       .remote_id = f->remote_id,
                                       .kind = f->kind};
    a->have = 0;
    a->started = false;
    if (f->total > CR_TOTAL_MAX || f->message_size > f->total)
        return -EPIPE;
    int result = reserve(a, f->total);
    a->started = result == 0;
    return result;
}

/* `f` is a private copy; `from` where its bytes are in the ring. */
static int add(struct cr_assembly *a, const struct fragment *f, const uint8_t *from, uint32_t bytes)
{
    if (f->offset == 0) {
        int result = begin(a, f);
        if (result < 0)
            return result;
    }
    if (!a->started || f->id != a->envelope.id || f->offset != a->have)
        return 0; /* the rest of something abandoned */
    if (bytes > a->envelope.total - a->have)
        return -EPIPE;
    memcpy(a->data + a->have, from, bytes);
    a->have += bytes;
    if (a->have < a->envelope.total)
        return 0;
    a->data[a->have] = 0;
    a->started = false;
    return 1;
}

int cr_assembly_take(struct cr_assembly *a, struct canring_consumer *c)
{
    const struct canring_record *record;
    int result = 0;
    uint32_t size;
    while (result == 0 && (record = canring_ring_peek(c, &size)) != NULL) {
        struct fragment copy;
        if (size < sizeof(copy))
            return -EPIPE;
        memcpy(&copy, record, sizeof(copy));
        result =
            add(a, &copy, (const uint8_t *)record + sizeof(copy), size - (uint32_t)sizeof(copy));
        canring_ring_consume(c);
        canring_ring_release_wake(c);
    }
    return c->broken ? -EPIPE : result;
}

void cr_assembly_free(struct cr_assembly *a)
{
    free(a->data);
    *a = (struct cr_assembly){0};
}

void cr_assembly_move(struct cr_assembly *a, struct canring_message *message)
{
    *message = (struct canring_message){
        .data = a->data, .size = a->envelope.total, .remote_id = a->envelope.remote_id};
    *a = (struct cr_assembly){0};
}
