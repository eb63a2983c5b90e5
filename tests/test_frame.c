#include "check.h"

#include <canring/frame.h>
#include <errno.h>

static struct canring_frame *blank(union canring_frame_buffer *buffer)
{
    memset(buffer, 0, sizeof(*buffer));
    canring_frame_classic(&buffer->frame, 0x123, "\1\2\3", 3);
    return &buffer->frame;
}

static void classic_frame_of_eight_bytes_is_one_slot(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    canring_frame_classic(&buffer.frame, 0x7ff, "abcdefgh", 8);
    assert_int_equal(buffer.frame.size, 32);
    assert_int_equal(canring_frame_length(&buffer.frame), 8);
    assert_int_equal(canring_frame_dlc(&buffer.frame), 8);
    assert_int_equal(canring_frame_check(&buffer.frame, sizeof(buffer)), 0);
}

static void raw_dlc_above_eight_is_legal_with_eight_bytes_only(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct canring_frame *frame = &buffer.frame;
    canring_frame_classic(frame, 1, "abcdefgh", 8);
    frame->flags = 14u << CANRING_DLC_SHIFT;
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
    frame->size--;
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), -EBADMSG);
}

static void size_beyond_what_is_available_is_refused(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct canring_frame *frame = blank(&buffer);
    assert_int_equal(canring_frame_check(frame, frame->size), 0);
    assert_int_equal(canring_frame_check(frame, frame->size - 1u), -EBADMSG);
    assert_int_equal(canring_frame_check(frame, 3), -EBADMSG);
}

static void fd_frame_has_one_of_the_fd_lengths(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct canring_frame *frame = blank(&buffer);
    unsigned legal = 0;
    frame->flags = CANRING_FD | CANRING_BRS;
    for (unsigned length = 0; length <= 80; length++) {
        frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
        legal += canring_frame_check(frame, sizeof(buffer)) == 0;
    }
    assert_int_equal(legal, 16);
}

static void xl_frame_has_1_to_2048_bytes_and_a_priority(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct canring_frame *frame = blank(&buffer);
    frame->flags = CANRING_XL;
    frame->size = 32;
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), -EBADMSG);
    frame->size = 33;
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
    frame->size = CANRING_FRAME_MAX;
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
    frame->id = 0x800;
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), -EBADMSG);
}

static void impossible_combinations_are_refused(void **state)
{
    (void)state;
    union canring_frame_buffer buffer;
    struct canring_frame *frame = blank(&buffer);
    frame->id = 0x800; /* standard id above 11 bits */
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), -EBADMSG);
    frame->id |= CANRING_ID_EXTENDED;
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
    frame->id |= CANRING_ID_REMOTE; /* a remote frame has no data */
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), -EBADMSG);
    frame = blank(&buffer);
    frame->flags |= CANRING_BRS; /* without FD */
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), -EBADMSG);
    frame = blank(&buffer);
    frame->flags |= 0x8000; /* no such flag */
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classic_frame_of_eight_bytes_is_one_slot),
        cmocka_unit_test(raw_dlc_above_eight_is_legal_with_eight_bytes_only),
        cmocka_unit_test(size_beyond_what_is_available_is_refused),
        cmocka_unit_test(fd_frame_has_one_of_the_fd_lengths),
        cmocka_unit_test(xl_frame_has_1_to_2048_bytes_and_a_priority),
        cmocka_unit_test(impossible_combinations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
