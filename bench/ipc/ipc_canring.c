/* canring's ring between two processes. --mode spin | adaptive | park, as the library waits, or
 * a number: a polling loop with so many pauses between two looks, as a caller may have. */
#include <canring/wait.h>

#include "ipc.h"

static const char peer_name[] = "canring";

struct link {
    struct canring_ring ring;
    struct canring_producer producer;
    struct canring_consumer consumer;
    enum canring_wait wait;
    unsigned pauses; /* 0: as `wait` says */
};

#define RECORD_BYTES (CANRING_RECORD_HEADER + IPC_SIZE)

static void link_create(struct link *links, const char *mode)
{
    enum canring_wait wait = strcmp(mode, "park") == 0   ? CANRING_WAIT_PARK
                             : strcmp(mode, "spin") == 0 ? CANRING_WAIT_SPIN
                                                         : CANRING_WAIT_ADAPTIVE;
    for (int i = 0; i < 2; i++) {
        struct canring_error err = {0};
        ipc_check(canring_ring_create(&links[i].ring, 16384, &err) == 0, err.text);
        links[i].wait = wait;
        links[i].pauses = (unsigned)atoi(mode);
        if (links[i].pauses)
            links[i].wait = CANRING_WAIT_SPIN;
    }
}

static void link_writer(struct link *link)
{
    canring_producer_init(&link->producer, &link->ring);
}

static void link_reader(struct link *link)
{
    canring_consumer_init(&link->consumer, &link->ring);
}

static void link_send(struct link *link, const struct message *message)
{
    struct canring_producer *p = &link->producer;
    uint8_t *record;
    while (!(record = canring_ring_claim(p, RECORD_BYTES)))
        canring_ring_wait_room(p, RECORD_BYTES, link->wait, UINT64_MAX);
    memcpy(record + CANRING_RECORD_HEADER, message, sizeof(*message));
    if (link->wait == CANRING_WAIT_SPIN) {
        canring_ring_send(p, RECORD_BYTES);
    } else {
        canring_ring_commit(p, RECORD_BYTES);
        canring_ring_publish_wake(p);
    }
}

/* A writer that spins needs no waking. */
static void give_back(struct link *link)
{
    if (link->wait == CANRING_WAIT_SPIN)
        canring_ring_release(&link->consumer);
    else
        canring_ring_release_wake(&link->consumer);
}

static void link_receive(struct link *link, struct message *message)
{
    struct canring_consumer *c = &link->consumer;
    const struct canring_record *record;
    uint32_t size;
    while (!(record = canring_ring_peek(c, &size))) {
        if (canring_ring_unreleased(c))
            give_back(link);
        if (!link->pauses)
            canring_ring_wait(c, link->wait, UINT64_MAX);
        for (unsigned i = 0; i < link->pauses; i++)
            canring_pause();
    }
    memcpy(message, (const uint8_t *)record + CANRING_RECORD_HEADER, sizeof(*message));
    canring_ring_consume(c);
    if (canring_ring_unreleased(c) >= (c->mask + 1) / 8)
        give_back(link);
}

static void link_destroy(struct link *links)
{
    canring_ring_destroy(&links[0].ring);
    canring_ring_destroy(&links[1].ring);
}

#include "main.h"
