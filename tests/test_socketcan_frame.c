#include "check.h"

#include "can/socketcan_frame.h"

#include <errno.h>
#include <stdlib.h>

/* The kernel's form of a frame and ours, without a kernel. */

static void decoded(union canring_frame_buffer *buffer, const void *wire, size_t length)
{
    memset(buffer, 0xa5, sizeof(*buffer));
    assert_int_equal(cr_wire_decode(&buffer->frame, wire, length), 0);
    assert_true(buffer->frame.size <= cr_wire_record(length));
}

static void classic_frame_keeps_id_length_and_data(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    const struct can_frame wire = {
        .can_id = 0x1abcdef0u | CAN_EFF_FLAG, .len = 3, .data = {1, 2, 3, 9, 9}};
    decoded(&buffer, &wire, sizeof(wire));
    assert_int_equal(buffer.frame.id, 0x1abcdef0u | CANRING_ID_EXTENDED);
    assert_int_equal(canring_frame_length(&buffer.frame), 3);
    assert_int_equal(canring_frame_dlc(&buffer.frame), 3);
    assert_int_equal(buffer.frame.timestamp_ns, 0);
    assert_memory_equal(buffer.frame.data, "\1\2\3", 3);
}

static void raw_dlc_counts_only_with_eight_bytes(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct can_frame wire = {.can_id = 1, .len = 8, .len8_dlc = 13};
    decoded(&buffer, &wire, sizeof(wire));
    assert_int_equal(canring_frame_dlc(&buffer.frame), 13);
    wire.len = 7;
    decoded(&buffer, &wire, sizeof(wire));
    assert_int_equal(canring_frame_dlc(&buffer.frame), 7);
    wire.len = 8;
    wire.len8_dlc = 16;
    decoded(&buffer, &wire, sizeof(wire));
    assert_int_equal(canring_frame_dlc(&buffer.frame), 8);
}

static void remote_and_error_frames_are_told_apart(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct can_frame wire = {.can_id = 0x55 | CAN_RTR_FLAG, .len = 5};
    decoded(&buffer, &wire, sizeof(wire));
    assert_true(canring_frame_is_remote(&buffer.frame));
    assert_int_equal(canring_frame_length(&buffer.frame), 0);
    assert_int_equal(canring_frame_dlc(&buffer.frame), 5);
    wire = (struct can_frame){.can_id = 0x1ff | CAN_ERR_FLAG, .len = 8, .data = {1}};
    decoded(&buffer, &wire, sizeof(wire));
    assert_true(canring_frame_is_error(&buffer.frame));
    assert_int_equal(canring_frame_length(&buffer.frame), 8);
}

static void bits_above_a_standard_identifier_are_not_looked_at(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct can_frame cc = {.can_id = 0xfff | CAN_RTR_FLAG};
    struct canfd_frame fd = {.can_id = 0xa01, .len = 1};
    decoded(&buffer, &cc, sizeof(cc));
    assert_int_equal(buffer.frame.id, 0x7ff | CANRING_ID_REMOTE);
    decoded(&buffer, &fd, sizeof(fd));
    assert_int_equal(buffer.frame.id, 0x201);
    cc.can_id = 0x12345678 | CAN_EFF_FLAG;
    decoded(&buffer, &cc, sizeof(cc));
    assert_int_equal(buffer.frame.id, 0x12345678 | CANRING_ID_EXTENDED);
    cc = (struct can_frame){.can_id = 0x100 | CAN_ERR_FLAG, .len = 8};
    decoded(&buffer, &cc, sizeof(cc));
    assert_int_equal(buffer.frame.id, 0x100 | CANRING_ID_ERROR);
}

static void what_is_no_frame_is_refused(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct can_frame cc = {.can_id = 1, .len = 9};
    struct canfd_frame fd = {.can_id = 1, .len = 65};
    struct canxl_frame xl = {.prio = 1, .len = 50};
    assert_int_equal(cr_wire_decode(&buffer.frame, &cc, sizeof(cc)), -EBADMSG);
    assert_int_equal(cr_wire_decode(&buffer.frame, &fd, sizeof(fd)), -EBADMSG);
    fd.len = 8;
    fd.can_id = 1 | CAN_RTR_FLAG; /* there are no remote FD frames */
    assert_int_equal(cr_wire_decode(&buffer.frame, &fd, sizeof(fd)), -EBADMSG);
    assert_int_equal(cr_wire_decode(&buffer.frame, &xl, CANXL_HDR_SIZE + 50), -EBADMSG);
    xl.flags = CANXL_XLF;
    assert_int_equal(cr_wire_decode(&buffer.frame, &xl, CANXL_HDR_SIZE + 50), 0);
    assert_int_equal(cr_wire_decode(&buffer.frame, &xl, CANXL_HDR_SIZE + 49), -EBADMSG);
    for (size_t length = 0; length <= CANXL_HDR_SIZE; length++)
        assert_int_equal(cr_wire_decode(&buffer.frame, &xl, length), -EBADMSG);
    assert_int_equal(cr_wire_record(CANXL_MTU + 1), 0);
}

/* 4 and 60 bytes of XL data make messages as long as a classic and an FD frame. */
static void xl_frame_as_long_as_another_kind_is_xl(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    static const uint16_t lengths[] = {4, 60};
    for (unsigned i = 0; i < 2; i++) {
        struct canxl_frame wire = {.prio = 0x7ff | 0x120000,
                                   .flags = CANXL_XLF | CANXL_SEC,
                                   .sdt = 6,
                                   .len = lengths[i],
                                   .af = 0x01020304};
        struct canring_xl xl;
        memset(wire.data, 7, lengths[i]);
        decoded(&buffer, &wire, CANXL_HDR_SIZE + lengths[i]);
        assert_true(buffer.frame.flags & CANRING_XL);
        assert_int_equal(buffer.frame.id, 0x7ff);
        assert_int_equal(canring_frame_length(&buffer.frame), lengths[i]);
        memcpy(&xl, buffer.frame.data, sizeof(xl));
        assert_int_equal(xl.vcid, 0x12);
        assert_int_equal(xl.flags, CANXL_SEC);
        assert_int_equal(xl.sdu_type, 6);
        assert_int_equal(xl.acceptance_field, 0x01020304);
    }
}

/* Whatever the bytes: refused, or a well-formed frame that survives the way there and back. */
static void random_bytes_are_refused_or_survive_a_round_trip(void **state)
{
    (void)state;
    union canring_frame_buffer first, second;
    union cr_wire wire, again;
    static const size_t lengths[] = {CAN_MTU, CANFD_MTU, 13, 14, 76, 500, CANXL_MTU};
    unsigned good = 0;
    srandom(1);
    for (unsigned n = 0; n < 20000; n++) {
        size_t length = lengths[n % 7];
        uint8_t *bytes = (uint8_t *)&wire;
        for (size_t i = 0; i < (length < 80 ? length : 80); i++)
            bytes[i] = (uint8_t)random();
        if (n % 3)
            bytes[4] &= n % 7 < 2 ? 0x0f : 0xff;
        if (length > CANFD_MTU && n % 2) {
            wire.xl.flags |= CANXL_XLF;
            wire.xl.len = (uint16_t)(length - CANXL_HDR_SIZE);
        }
        if (cr_wire_decode(&first.frame, &wire, length) < 0)
            continue;
        good++;
        assert_true(first.frame.size <= cr_wire_record(length));
        size_t encoded = cr_wire_encode(&again, &first.frame);
        assert_int_equal(cr_wire_decode(&second.frame, &again, encoded), 0);
        assert_memory_equal(&first, &second, first.frame.size);
    }
    assert_true(good > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classic_frame_keeps_id_length_and_data),
        cmocka_unit_test(raw_dlc_counts_only_with_eight_bytes),
        cmocka_unit_test(remote_and_error_frames_are_told_apart),
        cmocka_unit_test(bits_above_a_standard_identifier_are_not_looked_at),
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(xl_frame_as_long_as_another_kind_is_xl),
        cmocka_unit_test(random_bytes_are_refused_or_survive_a_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
