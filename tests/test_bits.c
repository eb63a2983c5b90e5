#include "check.h"

#include <canring/bits.h>
#include <stdlib.h>

/* The reference: every bit of a frame in an array, sent one by one, as a controller does it. */
#define WIRE_MAX 2048

struct wire {
    uint8_t bits[WIRE_MAX]; /* as computed, before stuffing */
    unsigned count;
};

static void add(struct wire *wire, uint32_t value, unsigned count)
{
    while (count--)
        wire->bits[wire->count++] = (uint8_t)(value >> count & 1);
}

static void add_data(struct wire *wire, const struct canring_frame *frame)
{
    for (size_t i = 0; i < canring_frame_length(frame); i++)
        add(wire, canring_frame_payload(frame)[i], 8);
}

/* Long division of the bits, with `width` zeros behind them, by the polynomial. */
static uint32_t divide(const struct wire *wire, uint32_t polynomial, unsigned width)
{
    struct wire rest = *wire;

    add(&rest, 0, width);
    for (unsigned i = 0; i + width < rest.count; i++)
        if (rest.bits[i])
            for (unsigned j = 0; j <= width; j++)
                rest.bits[i + j] ^= (uint8_t)(polynomial >> (width - j) & 1);
    uint32_t remainder = 0;
    for (unsigned i = rest.count - width; i < rest.count; i++)
        remainder = remainder << 1 | rest.bits[i];
    return remainder;
}

/* Bits sent for the first `count` of the array when each five alike are followed by another. */
static unsigned stuffed_length(const struct wire *wire, unsigned count, bool after_last)
{
    unsigned sent = 0, alike = 0, last = 2;

    for (unsigned i = 0; i < count; i++) {
        alike = wire->bits[i] == last ? alike + 1 : 1;
        last = wire->bits[i];
        sent++;
        if (alike == 5 && (i + 1 < count || after_last)) {
            last = !last;
            alike = 1;
            sent++;
        }
    }
    return sent;
}

static void add_id(struct wire *wire, const struct canring_frame *frame, unsigned remote)
{
    add(wire, 0, 1);
    if (frame->id & CANRING_ID_EXTENDED) {
        add(wire, frame->id >> 18 & 0x7ff, 11);
        add(wire, 1, 1);
        add(wire, 1, 1);
        add(wire, frame->id & 0x3ffff, 18);
        add(wire, remote, 1);
    } else {
        add(wire, frame->id & 0x7ff, 11);
        add(wire, remote, 1);
        add(wire, 0, 1);
    }
}

static struct canring_bits slow_classic(const struct canring_frame *frame)
{
    struct wire wire = {.count = 0};

    add_id(&wire, frame, (frame->id & CANRING_ID_REMOTE) != 0);
    add(&wire, 0, frame->id & CANRING_ID_EXTENDED ? 2 : 1);
    add(&wire, canring_frame_dlc(frame), 4);
    add_data(&wire, frame);
    add(&wire, divide(&wire, 0xc599, 15), 15);
    return (struct canring_bits){.nominal =
                                     stuffed_length(&wire, wire.count, true) + 1 + 2 + 7 + 3};
}

static unsigned dlc_of(size_t length)
{
    static const unsigned lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

    for (unsigned dlc = 0; dlc < 16; dlc++)
        if (lengths[dlc] == length)
            return dlc;
    fail_msg("%zu is no length of CAN FD", length);
    return 0;
}

static struct canring_bits slow_fd(const struct canring_frame *frame)
{
    struct wire wire = {.count = 0};
    size_t length = canring_frame_length(frame);

    add_id(&wire, frame, 0);
    add(&wire, 1, 1);
    add(&wire, 0, 1);
    add(&wire, (frame->flags & CANRING_BRS) != 0, 1);
    unsigned arbitration = stuffed_length(&wire, wire.count, true);
    add(&wire, (frame->flags & CANRING_ESI) != 0, 1);
    add(&wire, dlc_of(length), 4);
    add_data(&wire, frame);
    unsigned sent = stuffed_length(&wire, wire.count, false);
    for (unsigned i = 0; i < 4 + (length <= 16 ? 17u : 21u); i++)
        sent += i % 4 == 0 ? 2 : 1; /* a fixed stuff bit before each fourth */
    sent++;                         /* delimiter */
    if (!(frame->flags & CANRING_BRS))
        return (struct canring_bits){.nominal = sent + 2 + 7 + 3};
    return (struct canring_bits){.nominal = arbitration + 2 + 7 + 3, .data = sent - arbitration};
}

static struct canring_bits slow(const struct canring_frame *frame)
{
    return frame->flags & CANRING_FD ? slow_fd(frame) : slow_classic(frame);
}

static const size_t fd_lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

static void make_fd(union canring_frame_buffer *buffer, uint32_t id, unsigned flags, int fill,
                    size_t length)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->frame.id = id;
    buffer->frame.flags = (uint16_t)(CANRING_FD | flags);
    buffer->frame.size = (uint16_t)(CANRING_FRAME_HEADER + length);
    memset(buffer->frame.data, fill, length);
}

static void make_xl(union canring_frame_buffer *buffer, uint32_t priority, size_t length)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->frame.id = priority;
    buffer->frame.flags = CANRING_XL;
    buffer->frame.size = (uint16_t)(CANRING_FRAME_HEADER + sizeof(struct canring_xl) + length);
}

/* Bytes that make long runs of equal bits about as often as not. */
static uint8_t random_byte(void)
{
    static const uint8_t often[] = {0x00, 0xff, 0x0f, 0xf0, 0x1f, 0x07, 0x83, 0x7c};
    long roll = random();

    return roll & 1 ? often[roll >> 1 & 7] : (uint8_t)(roll >> 8);
}

static void make_random(union canring_frame_buffer *buffer)
{
    uint32_t id = (uint32_t)random_byte() << 21 | (uint32_t)random_byte() << 13 |
                  (uint32_t)random_byte() << 5 | random_byte() >> 3;
    uint8_t data[64];
    long roll = random();

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = random_byte();
    id = roll & 1 ? id | CANRING_ID_EXTENDED : id & CANRING_ID_MASK_STD;
    if (roll & 2) {
        size_t length = fd_lengths[roll >> 8 & 15];
        make_fd(buffer, id, roll >> 2 & (CANRING_BRS | CANRING_ESI), 0, length);
        memcpy(buffer->frame.data, data, length);
        return;
    }
    if (roll & 4) {
        canring_frame_classic(&buffer->frame, id | CANRING_ID_REMOTE, NULL, 0);
        buffer->frame.flags = (uint16_t)((roll >> 8 & 15) << CANRING_DLC_SHIFT);
        return;
    }
    unsigned dlc = roll >> 8 & 15;
    canring_frame_classic(&buffer->frame, id, data, dlc < 8 ? dlc : 8);
    buffer->frame.flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
}

static void counts_equal_those_of_a_controller_that_sends_bit_by_bit(void **state)
{
    union canring_frame_buffer buffer;

    (void)state;
    srandom(11898);
    for (int i = 0; i < 40000; i++) {
        make_random(&buffer);
        assert_int_equal(canring_frame_check(&buffer.frame, sizeof(buffer)), 0);
        struct canring_bits fast = canring_frame_bits(&buffer.frame);
        struct canring_bits reference = slow(&buffer.frame);
        if (fast.nominal != reference.nominal || fast.data != reference.data)
            fail_msg("frame %d, id %x flags %x size %u: %u+%u bits, not %u+%u", i, buffer.frame.id,
                     buffer.frame.flags, buffer.frame.size, fast.nominal, fast.data,
                     reference.nominal, reference.data);
    }
}

static void a_frame_of_zeros_has_a_stuff_bit_after_each_five(void **state)
{
    struct canring_frame frame;

    (void)state;
    /* 19 zeros up to the DLC, 15 of the CRC: six times five, 13 bits behind */
    canring_frame_classic(&frame, 0, NULL, 0);
    struct canring_bits bits = canring_frame_bits(&frame);
    assert_int_equal(bits.nominal, 34 + 6 + 13);
    assert_int_equal(bits.data, 0);
}

static void stuffing_in_an_fd_frame_ends_where_its_crc_field_begins(void **state)
{
    union canring_frame_buffer buffer;

    (void)state;
    /* 14 zeros, 1, 7 zeros: three stuff bits */
    make_fd(&buffer, 0, 0, 0, 0);
    struct canring_bits bits = canring_frame_bits(&buffer.frame);
    assert_int_equal(bits.nominal, 29 + 33 + 3);
    assert_int_equal(bits.data, 0);
    /* 14 zeros, 1 0 1, and five zeros that end at the CRC field: two, both before the switch */
    make_fd(&buffer, 0, CANRING_BRS, 0, 0);
    bits = canring_frame_bits(&buffer.frame);
    assert_int_equal(bits.nominal, 29 + 2);
    assert_int_equal(bits.data, 33);
}

static uint64_t per_second(uint64_t bits_ns)
{
    return (1000000000 + bits_ns / 2) / bits_ns;
}

/* The shortest that a classic frame of so many bytes can be: what is told to fit on a bus. */
static uint32_t shortest(size_t length, uint32_t extended)
{
    uint32_t least = UINT32_MAX;
    uint8_t data[8];
    union canring_frame_buffer buffer;

    for (uint32_t i = 0; i < 4096; i++) {
        memset(data, 0x55, sizeof(data));
        data[7] = (uint8_t)(i * 37);
        canring_frame_classic(&buffer.frame, extended | (0x15555555 & (extended ? ~0u : 0x7ff)),
                              data, length);
        buffer.frame.id ^= i & 0x7ff;
        uint32_t bits = canring_frame_bits(&buffer.frame).nominal;
        least = bits < least ? bits : least;
    }
    return least;
}

static void shortest_classic_frames_have_the_bits_of_their_fields(void **state)
{
    (void)state;
    /* 47 and 67, and one: without data, seven zeros from RTR to the DLC are always stuffed */
    assert_int_equal(shortest(0, 0), 48);
    assert_int_equal(shortest(0, CANRING_ID_EXTENDED), 68);
    assert_int_equal(shortest(8, 0), 111);
    assert_int_equal(shortest(8, CANRING_ID_EXTENDED), 131);
    assert_int_equal(per_second(canring_bits_ns((struct canring_bits){47, 0}, 1000000, 0)), 21277);
    assert_int_equal(per_second(canring_bits_ns((struct canring_bits){111, 0}, 1000000, 0)), 9009);
}

static void no_classic_frame_is_longer_than_the_worst_case(void **state)
{
    union canring_frame_buffer buffer;

    (void)state;
    srandom(4);
    for (int i = 0; i < 20000; i++) {
        make_random(&buffer);
        if (buffer.frame.flags & CANRING_FD)
            continue;
        uint32_t length = (uint32_t)canring_frame_length(&buffer.frame);
        bool extended = buffer.frame.id & CANRING_ID_EXTENDED;
        uint32_t least = (extended ? 67 : 47) + 8 * length;
        uint32_t most = least + ((extended ? 54 : 34) + 8 * length - 1) / 4;
        assert_in_range(canring_frame_bits(&buffer.frame).nominal, least, most);
    }
}

static uint64_t fd_per_second(size_t length, uint32_t data_bitrate)
{
    union canring_frame_buffer buffer;

    make_fd(&buffer, 0x2aa, CANRING_BRS, 0x55, length);
    return per_second(canring_bits_ns(canring_frame_bits(&buffer.frame), 1000000, data_bitrate));
}

static void unstuffed_fd_frames_reach_the_rates_that_a_bus_can_carry(void **state)
{
    (void)state;
    /* DLC 0 begins with zeros: ESI 0 and 0000 end at the CRC field, without a stuff bit */
    assert_int_equal(fd_per_second(0, 5000000), 28090);
    assert_int_equal(fd_per_second(8, 5000000), 20661);
    assert_int_equal(fd_per_second(64, 5000000), 7194);
    assert_int_equal(fd_per_second(0, 8000000), 30189);
    assert_int_equal(fd_per_second(8, 8000000), 24316);
    assert_int_equal(fd_per_second(64, 8000000), 10230);
}

static uint64_t xl_per_second(size_t length, uint32_t data_bitrate)
{
    union canring_frame_buffer buffer;

    make_xl(&buffer, 0x2aa, length);
    return per_second(canring_bits_ns(canring_frame_bits(&buffer.frame), 1000000, data_bitrate));
}

static void xl_frames_reach_the_rates_that_a_bus_can_carry(void **state)
{
    (void)state;
    assert_int_equal(xl_per_second(8, 10000000), 18657);
    assert_int_equal(xl_per_second(64, 10000000), 9718);
    assert_int_equal(xl_per_second(2048, 10000000), 541);
    assert_int_equal(xl_per_second(8, 20000000), 22831);
    assert_int_equal(xl_per_second(64, 20000000), 14609);
    assert_int_equal(xl_per_second(2048, 20000000), 1062);
}

static void only_errors_on_the_wire_take_time_on_it(void **state)
{
    static const struct {
        uint32_t class;
        uint32_t bits;
    } cases[] = {{0, 23},    {0x08, 23}, {0x20, 23}, {0x80, 23},
                 {0x88, 23}, {0x40, 0},  {0x100, 0}, {0x204, 0}};
    struct canring_frame frame;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        canring_frame_classic(&frame, CANRING_ID_ERROR | cases[i].class, NULL, 0);
        assert_int_equal(canring_frame_bits(&frame).nominal, cases[i].bits);
    }
}

static void without_a_data_rate_the_nominal_one_counts(void **state)
{
    const struct canring_bits bits = {100, 50};

    (void)state;
    assert_int_equal(canring_bits_ns(bits, 500000, 0), 300000);
    assert_int_equal(canring_bits_ns(bits, 500000, 2000000), 225000);
    assert_int_equal(canring_bits_ns(bits, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_equal_those_of_a_controller_that_sends_bit_by_bit),
        cmocka_unit_test(a_frame_of_zeros_has_a_stuff_bit_after_each_five),
        cmocka_unit_test(stuffing_in_an_fd_frame_ends_where_its_crc_field_begins),
        cmocka_unit_test(shortest_classic_frames_have_the_bits_of_their_fields),
        cmocka_unit_test(no_classic_frame_is_longer_than_the_worst_case),
        cmocka_unit_test(unstuffed_fd_frames_reach_the_rates_that_a_bus_can_carry),
        cmocka_unit_test(xl_frames_reach_the_rates_that_a_bus_can_carry),
        cmocka_unit_test(only_errors_on_the_wire_take_time_on_it),
        cmocka_unit_test(without_a_data_rate_the_nominal_one_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
