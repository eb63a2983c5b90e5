/* Messages of up to 64 KiB through a ring of an auxiliary, in fragments.
 *
 * A reader drops what belongs to a message whose writer died or gave up half-way: a fragment at
 * offset 0 begins a new one, one that does not continue the current message is skipped.
 */
#ifndef CANRING_AUXILIARY_MESSAGE_H
#define CANRING_AUXILIARY_MESSAGE_H

#include <canring/auxiliary.h>
#include <canring/ring.h>

#define CR_FRAGMENT_DATA 8192u                     /* bytes of a message in one record */
#define CR_TOTAL_MAX     (2 * CANRING_MESSAGE_MAX) /* a command's message and its data */

/* What is asked of an auxiliary. */
enum cr_auxiliary_request {
    CR_REQUEST_CREATE = 1,
    CR_REQUEST_DELETE,
    CR_REQUEST_COMMAND,
    CR_REQUEST_ABORT,
    CR_REQUEST_STOP,
    CR_REQUEST_CREATE_COPY,
    CR_REQUEST_DESTROY_COPY
};

#define CR_REQUEST_NO_REPLY 0x8000u /* or'ed to `kind`: nobody waits for the answer */

struct cr_envelope {
    uint64_t id;           /* of the request; a reply has that of its request */
    uint32_t total;        /* bytes */
    uint32_t message_size; /* of a command: the rest is its data */
    int32_t result;        /* of a reply */
    uint32_t remote_id;
    uint16_t kind;
};

struct cr_part {
    const void *data;
    size_t size;
};

/* Called when a fragment finds no room; false = give up. */
typedef bool cr_room_fn(void *arg, struct canring_producer *p, uint32_t size);

/* Write a message of two parts, waking a reader that sleeps. `room` NULL: give up at once. 0;
 * -EAGAIN gave up, what was written is dropped by the reader; -EPIPE the ring is broken. */
int cr_message_write(struct canring_producer *p, struct cr_envelope *envelope,
                     const struct cr_part parts[2], cr_room_fn *room, void *arg);

/* Bytes of a ring that a message of that size takes, at most. */
uint32_t cr_message_room(size_t total);

struct cr_assembly {
    struct cr_envelope envelope;
    uint8_t *data; /* always one more byte than `total`, zero */
    size_t have, capacity;
    bool started;
};

/* Take fragments until a message is complete: 1; 0 nothing more there now; -EPIPE the ring is
 * broken or a fragment impossible; -ENOMEM. */
int cr_assembly_take(struct cr_assembly *assembly, struct canring_consumer *c);
void cr_assembly_free(struct cr_assembly *assembly);
/* Hand the complete message to a caller. */
void cr_assembly_move(struct cr_assembly *assembly, struct canring_message *message);

#endif
