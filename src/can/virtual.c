#include "can/virtual.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "can/accept.h"
#include "can/virtual_bell.h"
#include "can/virtual_ring.h"
#include "shm/clock.h"
#include "shm/guard.h"
#include "shm/runtime_dir.h"

#define RETRY_NS     1000000u   /* no room, or another one writes */
#define SAFETY_NS    500000000u /* see virtual.h: of a wake that a killed writer owed */
#define STEP_BACK_NS 1000000000u
#define WRITE_FRAMES 256u /* under one lock, so that nobody waits for long */

struct virtual_bus {
    struct cr_bus bus;
    struct cr_vbus vbus;
    struct cr_bells bells;
    struct cr_accept accept;
    bool listen_only, receive_own;
    bool asleep;
    bool behind; /* evicted, and the lock was not free to begin again */
    struct cr_source bell, retry, safety;
};

static struct virtual_bus *of(struct cr_bus *bus)
{
    return (struct virtual_bus *)bus;
}

/* From here: receiving. */

static uint32_t me(const struct virtual_bus *virt)
{
    return (uint32_t)(virt->vbus.key >> 32);
}

/* Copy the record at `at` to the end of the batch, header first: its size is checked on the copy.
 * 1 and *frame; 0 the batch is full; -EBADMSG what is there is no record with this number. */
static int copy_record(const struct virtual_bus *virt, struct cr_batch *batch, uint64_t at,
                       uint32_t available, struct canring_frame **frame)
{
    const uint8_t *from = cr_vbus_at(&virt->vbus, at);
    struct canring_frame head;

    memcpy(&head, from, sizeof(head));
    if (head.size < CANRING_FRAME_HEADER || head.size > CANRING_FRAME_MAX ||
        cr_record_span(head.size) / CR_VBUS_SLOT_BYTES > available ||
        head.number != (uint32_t)cr_vbus_frames(at))
        return -EBADMSG;
    *frame = cr_batch_reserve(batch, head.size);
    if (!*frame)
        return 0;
    memcpy(*frame, &head, sizeof(head));
    memcpy((*frame)->data, from + CANRING_FRAME_HEADER, head.size - (size_t)CANRING_FRAME_HEADER);
    return 1;
}

/* The frame at the end of the batch: keep it if it is for the owner. */
static void judge_frame(struct virtual_bus *virt, struct cr_batch *batch,
                        struct canring_frame *frame, struct canring_bus_stats *stats)
{
    bool own = frame->sequence == me(virt);

    frame->sequence = 0;
    if (canring_frame_check(frame, frame->size)) {
        stats->rx_malformed++;
        return;
    }
    if ((own && !virt->receive_own) || !cr_accept_frame(&virt->accept, frame))
        return;
    frame->flags &= (uint16_t) ~(CANRING_TX | CANRING_LOCAL);
    frame->flags |= own ? CANRING_TX : CANRING_LOCAL;
    stats->rx_frames++;
    stats->rx_errors += canring_frame_is_error(frame);
    cr_batch_push(batch, frame);
}

/* Begin again at the head, and count what was left out. */
static void begin_again(struct virtual_bus *virt, const char *why)
{
    virt->behind = !cr_vbus_lock(&virt->vbus);
    if (virt->behind) {
        cr_loop_timer(virt->bus.loop, &virt->retry, RETRY_NS);
        return;
    }
    uint64_t lost = cr_vbus_skip_to_head(&virt->vbus);
    cr_vbus_unlock(&virt->vbus);
    virt->bus.stats.rx_lost_kernel += lost;
    cr_bus_report(&virt->bus, LOG_WARNING, "%s: %s: %llu frames lost", virt->bus.name, why,
                  (unsigned long long)lost);
}

static bool is_evicted(const struct virtual_bus *virt)
{
    const struct cr_vbus *vbus = &virt->vbus;
    return atomic_load_explicit(&vbus->shared->node[vbus->node].cursor, memory_order_relaxed) !=
           vbus->position;
}

/* Copy what is there. 0, or -EBADMSG when the ring holds nonsense; *next = where it ended. */
static int copy_frames(struct virtual_bus *virt, struct cr_batch *batch,
                       struct canring_bus_stats *stats, uint64_t *next)
{
    uint64_t head = atomic_load_explicit(&virt->vbus.shared->head, memory_order_acquire); /* H */
    uint32_t available = cr_vbus_distance(*next, head);
    struct canring_frame *frame;
    int rc = available > CR_VBUS_SLOTS ? -EBADMSG : 1;

    while (rc == 1 && available) {
        rc = copy_record(virt, batch, *next, available, &frame);
        if (rc != 1)
            break;
        uint32_t slots = cr_record_span(frame->size) / CR_VBUS_SLOT_BYTES;
        judge_frame(virt, batch, frame, stats);
        *next = cr_vbus_next(*next, slots);
        available -= slots;
    }
    return rc < 0 ? rc : 0;
}

static int virtual_receive(struct cr_bus *bus, struct cr_batch *batch)
{
    struct virtual_bus *virt = of(bus);
    const uint32_t used = batch->used, count = batch->count;
    struct canring_bus_stats stats = bus->stats;
    uint64_t next = virt->vbus.position;

    virt->vbus.reads = true;
    if (cr_guard_hit(virt->vbus.guard))
        return -EIO;
    bool evicted = is_evicted(virt);
    int rc = evicted ? 0 : copy_frames(virt, batch, &stats, &next);
    if (!evicted && next != virt->vbus.position)
        evicted = !cr_vbus_advance(&virt->vbus, next);
    if (evicted) {
        batch->used = used; /* copied while it was being overwritten, perhaps */
        batch->count = count;
        begin_again(virt, "read too slowly");
    } else {
        bus->stats = stats;
        if (rc) {
            bus->stats.rx_malformed++;
            begin_again(virt, "the bus's memory is damaged");
        }
    }
    bus->number = (uint32_t)cr_vbus_frames(virt->vbus.position);
    return (int)(batch->count - count);
}

static bool virtual_prepare_sleep(struct cr_bus *bus)
{
    struct virtual_bus *virt = of(bus);
    if (virt->behind)
        return true; /* the retry timer runs */
    virt->asleep = cr_vbus_sleep(&virt->vbus);
    return virt->asleep;
}

static void virtual_awake(struct cr_bus *bus)
{
    struct virtual_bus *virt = of(bus);
    if (virt->asleep)
        cr_vbus_wake_up(&virt->vbus);
    virt->asleep = false;
}

static void on_bell(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    const struct virtual_bus *virt = source->owner;
    (void)result, (void)flags, (void)buffer;
    cr_bells_drain(&virt->bells);
}

static void on_retry(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct virtual_bus *virt = source->owner;
    (void)result, (void)flags, (void)buffer;
    virt->bus.tx_blocked = false;
}

/* That it woke the owner is all it is for. */
static void on_safety(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct virtual_bus *virt = source->owner;
    (void)result, (void)flags, (void)buffer;
    cr_loop_timer(virt->bus.loop, &virt->safety, SAFETY_NS);
}

void cr_virtual_cut_safety_net(struct cr_bus *bus)
{
    cr_loop_disarm(bus->loop, &of(bus)->safety);
}

/* From here: sending. */

/* The bus's time does not step back where CLOCK_REALTIME is adjusted by a little; it follows where
 * that is set anew. With the lock. */
static uint64_t stamp(struct cr_vbus_shared *shared)
{
    uint64_t ns = cr_realtime_ns();
    uint64_t last = atomic_load_explicit(&shared->last_stamp, memory_order_relaxed);
    if (ns < last && last - ns < STEP_BACK_NS)
        return last;
    atomic_store_explicit(&shared->last_stamp, ns, memory_order_relaxed);
    return ns;
}

static bool may_send(const struct virtual_bus *virt, const struct canring_frame *frame)
{
    return !virt->listen_only && cr_accept_kind(&virt->accept, frame) &&
           canring_frame_check(frame, frame->size) == 0;
}

static void write_record(const struct virtual_bus *virt, uint64_t at,
                         const struct canring_frame *frame, uint64_t now)
{
    uint8_t *to = cr_vbus_at(&virt->vbus, at);
    const unsigned ours = CANRING_CLOCK_MASK | CANRING_TX | CANRING_LOCAL;
    struct canring_frame head = *frame;

    head.sequence = me(virt);
    head.flags = (uint16_t)((head.flags & ~ours) | CANRING_CLOCK_PROXY);
    head.timestamp_ns = now;
    head.number = (uint32_t)cr_vbus_frames(at);
    memcpy(to, &head, sizeof(head));
    memcpy(to + sizeof(head), frame->data, frame->size - sizeof(head));
}

/* With the lock: write and publish. Returns how many were dealt with. */
static unsigned write_frames(struct virtual_bus *virt, const struct canring_frame *const *frames,
                             unsigned count)
{
    struct cr_vbus_shared *shared = virt->vbus.shared;
    uint64_t head = atomic_load_explicit(&shared->head, memory_order_relaxed) & ~CR_VBUS_EVICTED;
    uint64_t now = stamp(shared), begin = head;
    uint32_t room = 0;
    unsigned i = 0;

    for (; i < count; i++) {
        if (!may_send(virt, frames[i])) {
            virt->bus.stats.tx_refused++;
            continue;
        }
        uint32_t slots = cr_record_span(frames[i]->size) / CR_VBUS_SLOT_BYTES;
        if (slots > room && (room = cr_vbus_room(&virt->vbus, head, slots)) < slots)
            break;
        write_record(virt, head, frames[i], now);
        head = cr_vbus_next(head, slots);
        room -= slots;
        virt->bus.stats.tx_frames++;
    }
    if (head != begin)
        atomic_store_explicit(&shared->head, head, memory_order_seq_cst); /* H, S */
    return i;
}

/* One turn at the lock. */
static unsigned send_some(struct virtual_bus *virt, const struct canring_frame *const *frames,
                          unsigned count)
{
    if (cr_guard_hit(virt->vbus.guard) || !cr_vbus_lock(&virt->vbus))
        return 0;
    unsigned done = write_frames(virt, frames, count < WRITE_FRAMES ? count : WRITE_FRAMES);
    cr_vbus_unlock(&virt->vbus);
    uint64_t sleepers = cr_vbus_sleepers(&virt->vbus);
    if (sleepers) {
        cr_bells_ring(&virt->bells, sleepers);
        virt->bus.stats.send_calls += (unsigned)__builtin_popcountll(sleepers);
    }
    return done;
}

static int virtual_send(struct cr_bus *bus, const struct canring_frame *const *frames,
                        unsigned count)
{
    struct virtual_bus *virt = of(bus);
    unsigned done = 0, some = 1;

    while (done < count && some) {
        some = send_some(virt, frames + done, count - done);
        done += some;
    }
    if (done < count) {
        bus->stats.tx_retries++;
        bus->tx_blocked = cr_loop_timer(bus->loop, &virt->retry, RETRY_NS) == 0;
    }
    return (int)done;
}

/* From here: opening and closing. */

bool cr_virtual_name_legal(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    bool legal = length > 0 && length <= CR_VIRTUAL_NAME_MAX;
    for (size_t i = 0; i < length && legal; i++)
        legal = isalnum((unsigned char)name[i]) || strchr("_-.", name[i]);
    return legal;
}

static int check_name(const char *name, struct canring_error *err)
{
    if (cr_virtual_name_legal(name))
        return 0;
    return canring_error_set(err, -EINVAL,
                             "virtual: channel '%s': allowed are names of 1 to %u letters, digits, "
                             "'_', '-', '.'",
                             name ? name : "", CR_VIRTUAL_NAME_MAX);
}

static int start(struct virtual_bus *virt, struct canring_error *err)
{
    struct cr_loop *loop = virt->bus.loop;
    virt->bell = (struct cr_source){.ready = on_bell, .owner = virt};
    virt->retry = (struct cr_source){.ready = on_retry, .owner = virt};
    virt->safety = (struct cr_source){.ready = on_safety, .owner = virt};
    int rc = cr_loop_watch(loop, &virt->bell, virt->bells.fd[virt->bells.own], POLLIN);
    if (!rc)
        rc = cr_loop_timer(loop, &virt->safety, SAFETY_NS);
    return rc ? canring_error_set(err, rc, "virtual: cannot watch the bus: %s", strerror(-rc)) : 0;
}

static void leave(struct virtual_bus *virt)
{
    bool last = cr_vbus_leave(&virt->vbus);
    cr_bells_close(&virt->bells, last);
    cr_vbus_detach(&virt->vbus, last);
}

static void virtual_close(struct cr_bus *bus)
{
    struct virtual_bus *virt = of(bus);
    cr_loop_disarm(bus->loop, &virt->bell);
    cr_loop_disarm(bus->loop, &virt->retry);
    cr_loop_disarm(bus->loop, &virt->safety);
    leave(virt);
    cr_accept_free(&virt->accept);
    free(virt);
}

static int attach(struct virtual_bus *virt, const char *name, struct canring_error *err)
{
    char object[CR_REGION_NAME];
    int rc = cr_shm_name(object, sizeof(object), "bus", name, NULL, err);
    if (!rc)
        rc = cr_vbus_attach(&virt->vbus, object, err);
    if (rc) {
        canring_error_prefix(err, "virtual");
        return rc;
    }
    rc = cr_bells_open(&virt->bells, name, virt->vbus.node, err);
    if (rc)
        leave(virt);
    return rc;
}

/* Whoever leaves last takes all with him, what the dead have left included. */
void cr_virtual_tidy(const char *channel)
{
    struct canring_error err;
    if (check_name(channel, &err))
        return;
    struct virtual_bus *virt = calloc(1, sizeof(*virt));
    if (virt && attach(virt, channel, &err) == 0)
        leave(virt);
    free(virt);
}

static int virtual_open(struct cr_bus **bus, struct cr_loop *loop,
                        const struct canring_bus_options *options, struct canring_error *err)
{
    int rc = check_name(options->channel, err);
    if (rc)
        return rc;
    struct virtual_bus *virt = calloc(1, sizeof(*virt));
    if (!virt || cr_accept_init(&virt->accept, options)) {
        free(virt);
        return canring_error_set(err, -ENOMEM, "virtual: out of memory");
    }
    virt->bus.driver = &cr_driver_virtual;
    virt->bus.holds = CR_VBUS_RING_BYTES;
    virt->bus.loop = loop;
    virt->bus.report = options->report;
    virt->bus.report_arg = options->report_arg;
    virt->listen_only = options->listen_only;
    virt->receive_own = options->receive_own;
    snprintf(virt->bus.name, sizeof(virt->bus.name), "%s", options->channel);
    rc = attach(virt, options->channel, err);
    if (rc) {
        cr_accept_free(&virt->accept);
        free(virt);
        return rc;
    }
    virt->bus.number = (uint32_t)cr_vbus_frames(virt->vbus.position);
    rc = start(virt, err);
    if (rc)
        virtual_close(&virt->bus);
    else
        *bus = &virt->bus;
    return rc;
}

const struct cr_driver cr_driver_virtual = {
    .interface = "virtual",
    .open = virtual_open,
    .close = virtual_close,
    .receive = virtual_receive,
    .send = virtual_send,
    .prepare_sleep = virtual_prepare_sleep,
    .awake = virtual_awake,
};
