/* Bits on the wire, a byte at a time: how many stuff bits 8 more bits bring depends only on the
 * last bits before them, so a table knows. */
#include <canring/bits.h>
#include <linux/can/error.h>
#include <pthread.h>

#define CRC15_POLYNOMIAL 0x4599u

/* Behind the CRC: its delimiter, acknowledgement and its delimiter, end of frame, intermission. */
#define AFTER_CRC (1u + 2u + 7u + 3u)

/* CANXL_RRS of newer <linux/can.h>. */
#define XL_RRS 0x02u

#define ERROR_BITS    (6u + 6u + 8u + 3u)
#define ERROR_ON_WIRE (CAN_ERR_PROT | CAN_ERR_ACK | CAN_ERR_BUSERROR)

/* What stuffing remembers: the last bit sent (4) and how many alike there were, less one (3). */
#define STATE_BIT   4u
#define STATES      8u
#define RUN_LONGEST 5u

static struct {
    uint8_t stuff[STATES][256]; /* next state, and stuff bits << 3 */
    uint16_t crc15[256];
} tables;
static pthread_once_t tables_made = PTHREAD_ONCE_INIT;

static uint8_t stuff_byte(unsigned state, unsigned byte)
{
    unsigned value = (state & STATE_BIT) != 0, run = (state & 3) + 1, stuffed = 0;

    for (int i = 7; i >= 0; i--) {
        unsigned bit = byte >> i & 1;
        run = bit == value ? run + 1 : 1;
        value = bit;
        if (run == RUN_LONGEST) {
            stuffed++;
            value = !bit;
            run = 1;
        }
    }
    return (uint8_t)(stuffed << 3 | value << 2 | (run - 1));
}

static uint16_t crc15_byte(unsigned byte)
{
    unsigned crc = byte << 7;

    for (int i = 0; i < 8; i++)
        crc = crc << 1 ^ (crc & 0x4000 ? CRC15_POLYNOMIAL : 0);
    return (uint16_t)(crc & 0x7fff);
}

static void make_tables(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        for (unsigned state = 0; state < STATES; state++)
            tables.stuff[state][byte] = stuff_byte(state, byte);
        tables.crc15[byte] = crc15_byte(byte);
    }
}

struct head {
    uint64_t bits; /* of a frame, from its start, the last one lowest */
    unsigned count;
};

static void push(struct head *head, uint32_t value, unsigned count)
{
    head->bits = head->bits << count | value;
    head->count += count;
}

struct stuffer {
    unsigned state;
    uint32_t stuffed;
};

static void stuff(struct stuffer *stuffer, const uint8_t *bytes, size_t count)
{
    unsigned state = stuffer->state;
    uint32_t stuffed = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned step = tables.stuff[state][bytes[i]];
        state = step & 7;
        stuffed += step >> 3;
    }
    stuffer->state = state;
    stuffer->stuffed += stuffed;
}

/* Bits in turn in front make whole bytes of it, and nothing of them stays behind: the start of
 * frame is dominant, the bit before it is not. */
static void stuff_head(struct stuffer *stuffer, const struct head *head)
{
    uint64_t padded = head->bits | UINT64_C(0x5555555555555555) << head->count;
    uint8_t bytes[8];
    size_t count = (head->count + 7) / 8;

    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(padded >> 8 * (count - 1 - i));
    stuff(stuffer, bytes, count);
}

static uint32_t stuff_bits_of(const struct head *head)
{
    struct stuffer stuffer = {0};

    stuff_head(&stuffer, head);
    return stuffer.stuffed;
}

static unsigned crc15(unsigned crc, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crc = (crc << 8 & 0x7fff) ^ tables.crc15[(crc >> 7 ^ bytes[i]) & 0xff];
    return crc;
}

/* Zeros in front do not change a CRC that begins with zero. */
static unsigned crc15_head(const struct head *head)
{
    unsigned crc = 0;

    for (unsigned shift = (head->count - 1) / 8 * 8 + 8; shift; shift -= 8) {
        const uint8_t byte = (uint8_t)(head->bits >> (shift - 8));
        crc = crc15(crc, &byte, 1);
    }
    return crc;
}

/* Start of frame to the bit that tells standard from extended; `substitute`: RTR or RRS. */
static void push_id(struct head *head, uint32_t id, bool substitute)
{
    push(head, 0, 1);
    if (id & CANRING_ID_EXTENDED) {
        push(head, (id & CANRING_ID_MASK_EXT) >> 18, 11);
        push(head, 3, 2);
        push(head, id & 0x3ffff, 18);
        push(head, substitute, 1);
    } else {
        push(head, id & CANRING_ID_MASK_STD, 11);
        push(head, substitute, 1);
        push(head, 0, 1);
    }
}

static struct canring_bits classic(const struct canring_frame *frame)
{
    const uint8_t *data = canring_frame_payload(frame);
    size_t length = canring_frame_length(frame);
    struct head head = {0};
    struct stuffer stuffer = {0};

    push_id(&head, frame->id, canring_frame_is_remote(frame));
    push(&head, 0, frame->id & CANRING_ID_EXTENDED ? 2 : 1);
    push(&head, canring_frame_dlc(frame), 4);
    stuff_head(&stuffer, &head);
    stuff(&stuffer, data, length);

    unsigned crc = crc15(crc15_head(&head), data, length);
    /* The 16th bit differs from the last of the CRC: it brings no stuff bit of its own. */
    const uint8_t tail[] = {(uint8_t)(crc >> 7), (uint8_t)(crc << 1 | (~crc & 1))};
    stuff(&stuffer, tail, sizeof(tail));
    return (struct canring_bits){.nominal = head.count + 8 * (uint32_t)length + 15 + AFTER_CRC +
                                            stuffer.stuffed};
}

static unsigned fd_dlc(size_t length)
{
    static const uint8_t above[] = {12, 16, 20, 24, 32, 48, 64};
    unsigned dlc = 8;

    if (length <= 8)
        return (unsigned)length;
    for (size_t i = 0; i < sizeof(above) && above[i] <= length; i++)
        dlc++;
    return dlc;
}

/* Stuff bits up to the last bit before the CRC field. */
static uint32_t fd_stuff_bits(const struct head *head, const uint8_t *data, size_t length)
{
    struct stuffer stuffer = {0};
    unsigned last = length ? data[length - 1] & 1 : head->bits & 1;

    stuff_head(&stuffer, head);
    stuff(&stuffer, data, length);
    bool behind_last = ((stuffer.state & STATE_BIT) != 0) != last;
    return stuffer.stuffed - behind_last;
}

static struct canring_bits fd(const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);
    bool brs = frame->flags & CANRING_BRS;
    struct head head = {0};

    push_id(&head, frame->id, false);
    push(&head, 2, 2); /* FDF, and a reserved bit */
    push(&head, brs, 1);
    const struct head arbitration = head;
    push(&head, (frame->flags & CANRING_ESI) != 0, 1);
    push(&head, fd_dlc(length), 4);

    uint32_t stuffed = fd_stuff_bits(&head, canring_frame_payload(frame), length);
    uint32_t crc_field = length <= 16 ? 4 + 17 + 6 : 4 + 21 + 7; /* with the count of stuff bits */
    uint32_t data = 5 + 8 * (uint32_t)length + crc_field + 1;
    uint32_t nominal = arbitration.count + AFTER_CRC - 1;

    if (!brs)
        return (struct canring_bits){.nominal = nominal + data + stuffed};
    uint32_t before = stuff_bits_of(&arbitration);
    return (struct canring_bits){.nominal = nominal + before, .data = data + stuffed - before};
}

static struct canring_bits xl(const struct canring_frame *frame)
{
    uint32_t length = (uint32_t)canring_frame_length(frame);
    struct canring_xl fields;
    struct head head = {0};

    memcpy(&fields, frame->data, sizeof(fields));
    push_id(&head, frame->id & CANRING_ID_MASK_STD, (fields.flags & XL_RRS) != 0);
    push(&head, 13, 4); /* FDF, XLF, a reserved bit, the first of the switch */

    /* SDT, SEC, DLC, stuff count, preface CRC, VCID, AF, data, frame CRC */
    uint32_t stuffable = 8 + 1 + 11 + 3 + 13 + 8 + 32 + 8 * length + 32;
    return (struct canring_bits){
        .nominal = head.count + stuff_bits_of(&head) + 4 + AFTER_CRC - 1,
        .data = 3 + stuffable + stuffable / 10 + 4, /* switch, frame check pattern */
    };
}

struct canring_bits canring_frame_bits(const struct canring_frame *frame)
{
    pthread_once(&tables_made, make_tables);
    if (frame->flags & CANRING_XL)
        return xl(frame);
    if (frame->id & CANRING_ID_ERROR) {
        uint32_t classes = frame->id & CANRING_ID_MASK_EXT;
        bool on_wire = classes == 0 || (classes & ERROR_ON_WIRE);
        return (struct canring_bits){.nominal = on_wire ? ERROR_BITS : 0};
    }
    return frame->flags & CANRING_FD ? fd(frame) : classic(frame);
}
