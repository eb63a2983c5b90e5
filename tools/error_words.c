#include <linux/can/error.h>
#include <stdarg.h>
#include <stdio.h>

#include "long_format.h"

/* Names of bits and codes are those that candump -e prints. */
static const char *const classes[] = {
    "tx-timeout",
    "lost-arbitration",
    "controller-problem",
    "protocol-violation",
    "transceiver-status",
    "no-acknowledgement-on-tx",
    "bus-off",
    "bus-error",
    "restarted-after-bus-off",
};

static const char *const controller_bits[8] = {
    "rx-overflow",      "tx-overflow",      "rx-error-warning",     "tx-error-warning",
    "rx-error-passive", "tx-error-passive", "back-to-error-active",
};

static const char *const protocol_bits[8] = {
    "single-bit-error",       "frame-format-error", "bit-stuffing-error", "tx-dominant-bit-error",
    "tx-recessive-bit-error", "bus-overload",       "active-error",       "error-on-tx",
};

static const char *const places[32] = {
    [0x02] = "id.28-to-id.21",
    [0x03] = "start-of-frame",
    [0x04] = "bit-srtr",
    [0x05] = "bit-ide",
    [0x06] = "id.20-to-id.18",
    [0x07] = "id.17-to-id.13",
    [0x08] = "crc-sequence",
    [0x09] = "reserved-bit-0",
    [0x0a] = "data-field",
    [0x0b] = "data-length-code",
    [0x0c] = "bit-rtr",
    [0x0d] = "reserved-bit-1",
    [0x0e] = "id.4-to-id.0",
    [0x0f] = "id.12-to-id.5",
    [0x11] = "active-error-flag",
    [0x12] = "intermission",
    [0x13] = "tolerate-dominant-bits",
    [0x16] = "passive-error-flag",
    [0x17] = "error-delimiter",
    [0x18] = "crc-delimiter",
    [0x19] = "acknowledge-slot",
    [0x1a] = "end-of-frame",
    [0x1b] = "acknowledge-delimiter",
    [0x1c] = "overload-flag",
};

#define CLASSES (sizeof(classes) / sizeof(*classes))

struct words {
    char *to;
    size_t space;
    size_t used;
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
    va_list args;

    if (words->used >= words->space)
        return;
    va_start(args, format);
    int length = vsnprintf(words->to + words->used, words->space - words->used, format, args);
    va_end(args);
    if (length > 0)
        words->used += (size_t)length;
}

/* The names of the bits of `byte`, comma separated. */
static void add_bits(struct words *words, unsigned byte, const char *const names[8])
{
    const char *comma = "";

    for (unsigned bit = 0; bit < 8; bit++)
        if (byte >> bit & 1 && names[bit]) {
            add(words, "%s%s", comma, names[bit]);
            comma = ",";
        }
}

static void add_place(struct words *words, unsigned place)
{
    if (place > 0 && place < sizeof(places) / sizeof(*places))
        add(words, "%s", places[place] ? places[place] : "unspecified");
}

static void add_details(struct words *words, uint32_t class, const uint8_t data[8])
{
    if (class == CAN_ERR_LOSTARB)
        add(words, "{at bit %u}", data[0]);
    if (class == CAN_ERR_CRTL) {
        add(words, "{");
        add_bits(words, data[1], controller_bits);
        add(words, "}");
    }
    if (class == CAN_ERR_PROT) {
        add(words, "{{");
        add_bits(words, data[2], protocol_bits);
        add(words, "}{");
        add_place(words, data[3]);
        add(words, "}}");
    }
}

/* CAN_ERR_CNT of newer kernels says that the counters are there even when they are zero. */
static void add_counters(struct words *words, uint32_t id, const uint8_t data[8],
                         const char *separator)
{
    const uint32_t counters = 0x200;

    if (!(id & counters) && !data[6] && !data[7])
        return;
    add(words, "%serror-counter-tx-rx{{%u}{%u}}", separator, data[6], data[7]);
}

size_t error_words(char *to, size_t space, const struct canring_frame *frame, const char *separator)
{
    struct words words = {.to = to, .space = space};
    uint8_t data[CANRING_CC_DATA_MAX] = {0};
    uint32_t unknown = frame->id & CANRING_ID_MASK_EXT & ~(uint32_t)0x3ff;

    memcpy(data, frame->data, canring_frame_length(frame));
    for (unsigned i = 0; i < CLASSES; i++) {
        uint32_t class = UINT32_C(1) << i;
        if (!(frame->id & class))
            continue;
        add(&words, "%s%s", separator, classes[i]);
        add_details(&words, class, data);
    }
    if (unknown)
        add(&words, "%sunknown-class-0x%x", separator, (unsigned)unknown);
    add_counters(&words, frame->id, data, separator);
    return words.used < space ? words.used : space - 1;
}
