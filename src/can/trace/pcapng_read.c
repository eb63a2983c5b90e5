/* The decoder of pcapng: packets of CAN interfaces, of any section, and what they say of losses. */
#include <errno.h>
#include <stdio.h>

#include "can/trace/byteorder.h"
#include "can/trace/linktype.h"
#include "can/trace/pcapng_interface.h"

struct decoder {
    struct cr_trace_source *source;
    struct cr_pcapng_blocks blocks;
    struct cr_pcapng_interfaces interfaces;
    bool loss_told; /* of the block that comes next */
    bool options_told;
};

/* A packet of any of the three kinds. */
struct packet {
    uint32_t interface;
    bool timed;
    uint64_t time;
    size_t at; /* in the block's content */
    size_t stored;
    size_t options; /* behind it; SIZE_MAX: it cannot have any */
    uint64_t lost;  /* before it */
    bool lost_some; /* an unknown number of them */
    bool outgoing;
};

/* Fields of a packet block, and of the older one, are as long. */
#define PACKET_FIXED 20u

#define SECTION_FIXED    16u
#define STATISTICS_FIXED 12u

static size_t padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

/* Where a block's options begin. SIZE_MAX: it cannot have any. */
static size_t options_of(const struct cr_pcapng_block *block)
{
    switch (block->type) {
    case CR_PCAPNG_SECTION:
        return SECTION_FIXED;
    case CR_PCAPNG_INTERFACE:
        return CR_PCAPNG_INTERFACE_FIXED;
    case CR_PCAPNG_STATISTICS:
        return STATISTICS_FIXED;
    case CR_PCAPNG_SIMPLE_PACKET:
        return SIZE_MAX;
    default:
        return PACKET_FIXED + padded(cr_get_32(block->big, block->content + 12));
    }
}

/* Options of one length only, of those that are read here. */
static bool has_its_length(const struct cr_pcapng_block *block, const struct cr_pcapng_found *found)
{
    static const struct {
        uint32_t type;
        uint16_t code, length;
    } fixed[] = {
        {CR_PCAPNG_INTERFACE, CR_PCAPNG_RESOLUTION, 1},
        {CR_PCAPNG_INTERFACE, CR_PCAPNG_TIME_OFFSET, 8},
        {CR_PCAPNG_OLD_PACKET, CR_PCAPNG_FLAGS, 4},
        {CR_PCAPNG_PACKET, CR_PCAPNG_FLAGS, 4},
        {CR_PCAPNG_PACKET, CR_PCAPNG_DROPS, 8},
        {CR_PCAPNG_STATISTICS, CR_PCAPNG_RECEIVED, 8},
        {CR_PCAPNG_STATISTICS, CR_PCAPNG_IF_DROPS, 8},
        {CR_PCAPNG_STATISTICS, CR_PCAPNG_OS_DROPS, 8},
    };

    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
        if (fixed[i].type == block->type && fixed[i].code == found->code)
            return fixed[i].length == found->length;
    return true;
}

/* What is wrong with a block's options; NULL: nothing. */
static const char *options_fault(const struct cr_pcapng_block *block)
{
    struct cr_pcapng_found found;
    size_t at = options_of(block);

    while (cr_pcapng_option_next(block, &at, &found))
        if (!has_its_length(block, &found))
            return "an option whose length is none that it may have: it is passed over, as are "
                   "more such options";
    if (at < block->length && block->length - at >= 4 &&
        cr_get_16(block->big, block->content + at) != CR_PCAPNG_END_OF_OPTIONS)
        return "an option that is longer than its block: it is passed over, as are more such "
               "options";
    return NULL;
}

static bool is_lost_comment(const struct cr_pcapng_found *found)
{
    return found->length == sizeof(CR_PCAPNG_LOST) - 1 &&
           memcmp(found->value, CR_PCAPNG_LOST, found->length) == 0;
}

static void read_options(const struct cr_pcapng_block *block, struct packet *packet)
{
    struct cr_pcapng_found found;

    for (size_t at = packet->options; cr_pcapng_option_next(block, &at, &found);) {
        if (found.code == CR_PCAPNG_FLAGS && found.length == 4)
            packet->outgoing =
                (cr_get_32(block->big, found.value) & CR_PCAPNG_DIRECTION) == CR_PCAPNG_OUTBOUND;
        else if (found.code == CR_PCAPNG_DROPS && found.length == 8 &&
                 block->type == CR_PCAPNG_PACKET)
            packet->lost = cr_get_64(block->big, found.value);
        else if (found.code == CR_PCAPNG_COMMENT)
            packet->lost_some |= is_lost_comment(&found);
    }
}

/* In the same place in all blocks that have one, its upper half first. */
static uint64_t time_of(const struct cr_pcapng_block *block)
{
    return (uint64_t)cr_get_32(block->big, block->content + 4) << 32 |
           cr_get_32(block->big, block->content + 8);
}

/* 0, or -EBADMSG: the packet is longer than its block. */
static int read_packet(const struct cr_pcapng_block *block, struct packet *packet)
{
    const uint8_t *raw = block->content;
    bool old = block->type == CR_PCAPNG_OLD_PACKET;

    *packet = (struct packet){.timed = true, .at = PACKET_FIXED};
    packet->interface = old ? cr_get_16(block->big, raw) : cr_get_32(block->big, raw);
    packet->time = time_of(block);
    packet->stored = cr_get_32(block->big, raw + 12);
    if (packet->stored > block->length - PACKET_FIXED)
        return -EBADMSG;
    if (old && cr_get_16(block->big, raw + 2) != UINT16_MAX) /* which stands for: not known */
        packet->lost = cr_get_16(block->big, raw + 2);
    packet->options = PACKET_FIXED + padded(packet->stored);
    read_options(block, packet);
    return 0;
}

/* The kind without a time: it belongs to interface 0, and only that knows how much was stored. */
static int read_simple(const struct decoder *decoder, const struct cr_pcapng_block *block,
                       struct packet *packet)
{
    uint32_t original = cr_get_32(block->big, block->content);
    uint32_t limit = decoder->interfaces.count ? decoder->interfaces.list[0].snaplen : 0;

    *packet = (struct packet){.at = 4, .stored = original, .options = SIZE_MAX};
    if (limit && packet->stored > limit)
        packet->stored = limit;
    return packet->stored > block->length - packet->at ? -EBADMSG : 0;
}

static int refuse(struct decoder *decoder, struct canring_error *err, const char *what)
{
    int result = cr_pcapng_damaged(decoder->source, err, what);

    cr_pcapng_blocks_take(&decoder->blocks);
    decoder->loss_told = false;
    return result;
}

/* Its packets hold something else. */
static int pass_over(struct decoder *decoder)
{
    decoder->source->foreign++;
    cr_pcapng_blocks_take(&decoder->blocks);
    decoder->loss_told = false;
    return 0;
}

/* One word for each interface, and then its packets are passed over. */
static int refuse_bus(struct decoder *decoder, struct cr_pcapng_interface *interface,
                      struct canring_error *err)
{
    if (interface->refused) {
        cr_pcapng_blocks_take(&decoder->blocks);
        return 0;
    }
    interface->refused = true;
    return refuse(decoder, err,
                  "more buses than a recording may have: packets of one are passed over");
}

/* Captures of "any" interface know the buses by number only. */
static int bus_of(struct decoder *decoder, const struct cr_pcapng_interface *interface,
                  const struct cr_link_extra *extra)
{
    char name[CANRING_TEXT_NAME];

    if (!extra->interface)
        return interface->bus;
    int length = snprintf(name, sizeof(name), "if%u", extra->interface);
    return cr_trace_names_find(decoder->source->names, name, (size_t)length);
}

static int tell_loss(struct cr_pcapng_interface *interface, struct canring_trace_entry *entry,
                     uint64_t lost)
{
    entry->kind = CANRING_TRACE_LOST;
    entry->bus = (uint32_t)interface->bus;
    entry->lost = lost;
    interface->lost += lost;
    return 1;
}

static int decode_frame(struct decoder *decoder, const struct cr_pcapng_block *block,
                        const struct packet *packet, struct canring_trace_entry *entry,
                        union canring_frame_buffer *frame, struct canring_error *err)
{
    const struct cr_pcapng_interface *interface = &decoder->interfaces.list[packet->interface];
    const struct cr_link_packet link = {.linktype = interface->linktype,
                                        .big = block->big,
                                        .raw = block->content + packet->at,
                                        .length = packet->stored};
    struct cr_link_extra extra;
    const char *what = NULL;

    int result = cr_link_decode(frame, &link, &extra, &what);
    if (result < 0)
        return refuse(decoder, err, what);
    if (result == 0)
        return pass_over(decoder);
    int bus = bus_of(decoder, interface, &extra);
    if (bus < 0)
        return refuse(decoder, err, "more buses than a recording may have");
    cr_pcapng_blocks_take(&decoder->blocks);
    decoder->loss_told = false;
    entry->bus = (uint32_t)bus;
    frame->frame.timestamp_ns = entry->timestamp_ns;
    if (packet->timed)
        frame->frame.flags |= CANRING_CLOCK_PROXY;
    if (packet->outgoing || extra.outgoing)
        frame->frame.flags |= CANRING_TX;
    return 1;
}

static int on_packet(struct decoder *decoder, const struct cr_pcapng_block *block,
                     struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                     struct canring_error *err)
{
    struct packet packet;
    int result = block->type == CR_PCAPNG_SIMPLE_PACKET ? read_simple(decoder, block, &packet)
                                                        : read_packet(block, &packet);

    if (result < 0)
        return refuse(decoder, err, "a packet that is longer than its block");
    if (packet.interface >= decoder->interfaces.count)
        return refuse(decoder, err, "a packet of an interface that is not described");
    struct cr_pcapng_interface *interface = &decoder->interfaces.list[packet.interface];
    if (!cr_linktype_has_can(interface->linktype))
        return pass_over(decoder);
    if (interface->bus < 0)
        return refuse_bus(decoder, interface, err);
    if (packet.timed && cr_pcapng_time(interface, packet.time, &entry->timestamp_ns) < 0)
        return refuse(decoder, err, "a time before 1970 or after 2554");
    if ((packet.lost || packet.lost_some) && !decoder->loss_told) {
        decoder->loss_told = true; /* and the packet itself next time */
        return tell_loss(interface, entry, packet.lost);
    }
    return decode_frame(decoder, block, &packet, entry, frame, err);
}

/* Losses that no packet has told of: dumpcap has them at the end of the file only. */
static int read_statistics(const struct decoder *decoder, const struct cr_pcapng_block *block,
                           struct canring_trace_entry *entry)
{
    uint32_t number = cr_get_32(block->big, block->content);
    struct cr_pcapng_found found;
    uint64_t lost = 0;
    bool lost_some = false;

    if (number >= decoder->interfaces.count || decoder->interfaces.list[number].bus < 0)
        return 0;
    struct cr_pcapng_interface *interface = &decoder->interfaces.list[number];
    for (size_t at = STATISTICS_FIXED; cr_pcapng_option_next(block, &at, &found);) {
        if ((found.code == CR_PCAPNG_IF_DROPS || found.code == CR_PCAPNG_OS_DROPS) &&
            found.length == 8)
            lost += cr_get_64(block->big, found.value);
        else if (found.code == CR_PCAPNG_COMMENT)
            lost_some |= is_lost_comment(&found);
    }
    lost = lost > interface->lost ? lost - interface->lost : 0;
    if ((!lost && !lost_some) ||
        cr_pcapng_time(interface, time_of(block), &entry->timestamp_ns) < 0)
        return 0;
    return tell_loss(interface, entry, lost);
}

static int on_statistics(struct decoder *decoder, const struct cr_pcapng_block *block,
                         struct canring_trace_entry *entry)
{
    int result = read_statistics(decoder, block, entry);

    cr_pcapng_blocks_take(&decoder->blocks);
    return result;
}

static int on_interface(struct decoder *decoder, const struct cr_pcapng_block *block,
                        struct canring_error *err)
{
    int result = cr_pcapng_interfaces_add(&decoder->interfaces, block, decoder->source->names);

    if (result == -ENOSPC)
        return refuse(decoder, err, "more interfaces than a recording may have");
    if (result < 0)
        return canring_error_set(err, result, "%s: out of memory", decoder->source->path);
    cr_pcapng_blocks_take(&decoder->blocks);
    return 0;
}

static int on_block(struct decoder *decoder, const struct cr_pcapng_block *block,
                    struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                    struct canring_error *err)
{
    switch (block->type) {
    case CR_PCAPNG_SECTION:
        cr_pcapng_interfaces_clear(&decoder->interfaces);
        cr_pcapng_blocks_take(&decoder->blocks);
        return 0;
    case CR_PCAPNG_INTERFACE:
        return on_interface(decoder, block, err);
    case CR_PCAPNG_STATISTICS:
        return on_statistics(decoder, block, entry);
    default:
        return on_packet(decoder, block, entry, frame, err);
    }
}

static int next(void *state, struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                struct canring_error *err)
{
    struct decoder *decoder = state;
    struct cr_pcapng_block block;
    int result;

    while ((result = cr_pcapng_blocks_next(&decoder->blocks, &block, err)) == 1) {
        /* The block itself comes next time. */
        const char *fault = decoder->options_told ? NULL : options_fault(&block);
        if (fault) {
            decoder->options_told = true;
            return cr_pcapng_damaged(decoder->source, err, fault);
        }
        result = on_block(decoder, &block, entry, frame, err);
        if (result)
            return result;
    }
    return result;
}

static int open_decoder(void *state, struct cr_trace_source *source, struct canring_error *err)
{
    struct decoder *decoder = state;

    decoder->source = source;
    return cr_pcapng_blocks_open(&decoder->blocks, source, err);
}

static void close_decoder(void *state)
{
    struct decoder *decoder = state;

    cr_pcapng_interfaces_clear(&decoder->interfaces);
}

const struct cr_trace_decoder cr_pcapng_decoder = {
    .state_size = sizeof(struct decoder),
    .open = open_decoder,
    .next = next,
    .close = close_decoder,
};
