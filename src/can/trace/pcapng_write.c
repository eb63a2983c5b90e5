/* The encoder of pcapng. An interface for each bus, a packet block for each frame; losses go to
 * the next packet of their bus, where Wireshark shows them. */
#include <errno.h>

#include "can/trace/linktype.h"
#include "can/trace/pcapng.h"

struct bus {
    bool described;
    bool lost_some; /* since the last packet, their number is unknown */
    uint32_t interface;
    uint64_t lost; /* since the last packet */
    uint64_t frames, all_lost;
    uint64_t last_ns;
};

struct encoder {
    const struct cr_trace_names *names;
    uint32_t interfaces;
    struct bus buses[CR_TRACE_BUSES_MAX];
};

/* Interfaces described before they are needed, so that all of them stay within the room of one
 * call. The others come with their first frame. */
#define DESCRIBED_AT_BEGIN 64

/* Of one block of ours, besides a frame and a name. */
#define BLOCK_ROOM 256

static size_t padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

static uint8_t *put_16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    return to + 2;
}

static uint8_t *put_32(uint8_t *to, uint32_t value)
{
    return put_16(put_16(to, (uint16_t)value), (uint16_t)(value >> 16));
}

static uint8_t *put_64(uint8_t *to, uint64_t value)
{
    return put_32(put_32(to, (uint32_t)value), (uint32_t)(value >> 32));
}

/* Times are stored with their upper half first. */
static uint8_t *put_time(uint8_t *to, uint64_t ns)
{
    return put_32(put_32(to, (uint32_t)(ns >> 32)), (uint32_t)ns);
}

static uint8_t *put_padded(uint8_t *to, const void *from, size_t length)
{
    memset(to + padded(length) - 4, 0, 4);
    memcpy(to, from, length);
    return to + padded(length);
}

static uint8_t *put_option(uint8_t *to, uint16_t code, const void *value, size_t length)
{
    return put_padded(put_16(put_16(to, code), (uint16_t)length), value, length);
}

static uint8_t *put_option_64(uint8_t *to, uint16_t code, uint64_t value)
{
    return put_64(put_16(put_16(to, code), 8), value);
}

static uint8_t *put_lost_comment(uint8_t *to)
{
    return put_option(to, CR_PCAPNG_COMMENT, CR_PCAPNG_LOST, sizeof(CR_PCAPNG_LOST) - 1);
}

/* End of options, both lengths: the block from `begin` to `to` is complete. */
static void finish(struct cr_bytes *out, uint8_t *begin, uint8_t *to)
{
    to = put_32(to, CR_PCAPNG_END_OF_OPTIONS);
    uint32_t total = (uint32_t)(to + CR_PCAPNG_TAIL - begin);
    (void)put_32(to, total);
    (void)put_32(begin + 4, total);
    out->used += total;
}

static int describe(struct encoder *encoder, uint32_t index, struct cr_bytes *out)
{
    struct bus *bus = &encoder->buses[index];
    const char *name = encoder->names->list[index].name;
    const uint8_t nanoseconds = 9;

    if (bus->described)
        return 0;
    uint8_t *begin = cr_bytes_room(out, BLOCK_ROOM);
    if (!begin)
        return -ENOSPC;
    uint8_t *to = put_32(begin, CR_PCAPNG_INTERFACE) + 4;
    to = put_32(put_16(put_16(to, CR_LINKTYPE_CAN), 0), 0); /* 0: packets are not cut */
    to = put_option(to, CR_PCAPNG_NAME, name, strlen(name));
    to = put_option(to, CR_PCAPNG_RESOLUTION, &nanoseconds, 1);
    finish(out, begin, to);
    bus->described = true;
    bus->interface = encoder->interfaces++;
    return 0;
}

static int begin(void *state, const struct cr_trace_start *start, struct cr_bytes *out)
{
    static const char application[] = "canring " CANRING_VERSION;
    struct encoder *encoder = state;
    uint8_t *begin = cr_bytes_room(out, BLOCK_ROOM);

    if (!begin)
        return -ENOSPC;
    encoder->names = start->names;
    uint8_t *to = put_32(begin, CR_PCAPNG_SECTION) + 4;
    to = put_16(put_16(put_32(to, CR_PCAPNG_ORDER), 1), 0);
    to = put_64(to, UINT64_MAX); /* the section's length: not known */
    to = put_option(to, CR_PCAPNG_APPLICATION, application, sizeof(application) - 1);
    finish(out, begin, to);
    for (uint32_t i = 0; i < start->names->count && i < DESCRIBED_AT_BEGIN; i++) {
        int result = describe(encoder, i, out);
        if (result < 0)
            return result;
    }
    return 0;
}

static int add_bus(void *state, uint32_t bus, struct cr_bytes *out)
{
    return describe(state, bus, out);
}

static int lose(struct bus *bus, const struct canring_trace_entry *entry)
{
    bus->lost += entry->lost;
    bus->all_lost += entry->lost;
    bus->lost_some |= entry->lost == 0;
    bus->last_ns = entry->timestamp_ns;
    return 0;
}

static int encode_frame(struct bus *bus, const struct canring_frame *frame, struct cr_bytes *out)
{
    size_t length = cr_link_can_length(frame);
    uint8_t *begin = cr_bytes_room(out, BLOCK_ROOM + padded(length));

    if (!begin)
        return -ENOSPC;
    uint8_t *to = put_32(begin, CR_PCAPNG_PACKET) + 4;
    to = put_time(put_32(to, bus->interface), frame->timestamp_ns);
    to = put_32(put_32(to, (uint32_t)length), (uint32_t)length);
    memset(to + padded(length) - 4, 0, 4);
    cr_link_can_encode(to, frame);
    to = put_16(put_16(to + padded(length), CR_PCAPNG_FLAGS), 4);
    to = put_32(to, frame->flags & CANRING_TX ? CR_PCAPNG_OUTBOUND : CR_PCAPNG_INBOUND);
    if (bus->lost)
        to = put_option_64(to, CR_PCAPNG_DROPS, bus->lost);
    if (bus->lost_some)
        to = put_lost_comment(to);
    finish(out, begin, to);
    bus->lost = 0;
    bus->lost_some = false;
    bus->frames++;
    bus->last_ns = frame->timestamp_ns;
    return 0;
}

static int encode(void *state, const struct canring_trace_entry *entry, struct cr_bytes *out)
{
    struct encoder *encoder = state;
    struct bus *bus = &encoder->buses[entry->bus];

    if (entry->kind == CANRING_TRACE_LOST)
        return lose(bus, entry);
    int result = describe(encoder, entry->bus, out);
    return result < 0 ? result : encode_frame(bus, entry->frame, out);
}

static void put_statistics(const struct bus *bus, struct cr_bytes *out)
{
    uint8_t *begin = cr_bytes_room(out, BLOCK_ROOM);

    if (!begin)
        return;
    uint8_t *to = put_32(begin, CR_PCAPNG_STATISTICS) + 4;
    to = put_time(put_32(to, bus->interface), bus->last_ns);
    if (bus->lost_some)
        to = put_lost_comment(to);
    to = put_option_64(to, CR_PCAPNG_RECEIVED, bus->frames);
    to = put_option_64(to, CR_PCAPNG_IF_DROPS, bus->all_lost);
    finish(out, begin, to);
}

/* Losses behind the last packet of a bus come first: nothing else tells of them. */
static int end(void *state, struct cr_bytes *out)
{
    struct encoder *encoder = state;
    size_t first = out->used;

    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < encoder->names->count; i++) {
            struct bus *bus = &encoder->buses[i];
            bool told = !bus->lost && !bus->lost_some;
            if (told != (round == 1) || !(bus->frames || bus->all_lost || bus->lost_some))
                continue;
            if (out->used - first > CR_TRACE_ENTRY_ROOM - 2 * BLOCK_ROOM)
                return 0;
            int result = describe(encoder, i, out);
            if (result < 0)
                return result;
            put_statistics(bus, out);
        }
    }
    return out->overflow ? -ENOSPC : 0;
}

const struct cr_trace_encoder cr_pcapng_encoder = {
    .state_size = sizeof(struct encoder),
    .begin = begin,
    .bus = add_bus,
    .entry = encode,
    .end = end,
};
