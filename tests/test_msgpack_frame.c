#include "check.h"

#include "can/msgpack_frame.h"

#include <errno.h>
#include <stdlib.h>

#include <msgpack.h>

static union canring_frame_buffer sent, got;
static uint8_t datagram[CR_MSGPACK_FRAME_MAX];

static struct canring_frame *fd_frame(uint32_t id, uint16_t flags, size_t length)
{
    memset(&sent, 0, sizeof(sent));
    sent.frame.id = id;
    sent.frame.flags = (uint16_t)(CANRING_FD | flags);
    sent.frame.size = (uint16_t)(CANRING_FRAME_HEADER + length);
    for (size_t i = 0; i < length; i++)
        sent.frame.data[i] = (uint8_t)(0xc0 + i);
    return &sent.frame;
}

/* The decoder reads from a heap block of the exact size, so that a sanitizer sees one byte more. */
static int decode(const void *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    if (length)
        memcpy(copy, bytes, length);
    int rc = cr_msgpack_frame_decode(&got.frame, copy, length);
    free(copy);
    return rc;
}

static void assert_survives(const struct canring_frame *frame)
{
    assert_int_equal(canring_frame_check(frame, sizeof(sent)), 0);
    int length = cr_msgpack_frame_encode(frame, datagram, sizeof(datagram));
    assert_in_range(length, 100, CR_MSGPACK_FRAME_MAX);
    memset(&got, 0x5a, sizeof(got));
    assert_int_equal(decode(datagram, (size_t)length), 0);
    assert_int_equal(canring_frame_check(&got.frame, sizeof(got)), 0);
    assert_memory_equal(&got, frame, frame->size);
}

static void every_classic_length_and_id_survives(void **state)
{
    (void)state;
    static const uint32_t ids[] = {0,
                                   0x123,
                                   0x7ff,
                                   CANRING_ID_EXTENDED,
                                   CANRING_ID_EXTENDED | 0x1fffffff,
                                   CANRING_ID_ERROR | 0x80};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        for (unsigned length = 0; length <= 8; length++) {
            canring_frame_classic(&sent.frame, ids[i], "\xff\0\x7f\x80wxyz", length);
            assert_survives(&sent.frame);
        }
    }
}

static void remote_frame_keeps_its_length_code(void **state)
{
    (void)state;
    for (unsigned dlc = 0; dlc <= 8; dlc++) {
        canring_frame_classic(&sent.frame, CANRING_ID_REMOTE | 0x55, NULL, 0);
        sent.frame.flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
        assert_survives(&sent.frame);
    }
}

static void every_fd_length_survives_with_its_flags(void **state)
{
    (void)state;
    static const uint8_t lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};
    for (size_t i = 0; i < sizeof(lengths); i++)
        for (unsigned flags = 0; flags < 4; flags++)
            assert_survives(fd_frame(CANRING_ID_EXTENDED | 0x12345, (uint16_t)(flags * CANRING_BRS),
                                     lengths[i]));
}

static void length_that_fd_does_not_have_is_filled_up(void **state)
{
    (void)state;
    fd_frame(1, 0, 10); /* python-can sends such frames */
    int length = cr_msgpack_frame_encode(&sent.frame, datagram, sizeof(datagram));
    assert_int_equal(decode(datagram, (size_t)length), 0);
    assert_int_equal(canring_frame_length(&got.frame), 12);
    assert_memory_equal(got.frame.data, sent.frame.data, 10);
    assert_memory_equal(got.frame.data + 10, "\0\0", 2);
}

static void raw_dlc_above_eight_becomes_eight(void **state)
{
    (void)state;
    canring_frame_classic(&sent.frame, 1, "abcdefgh", 8);
    sent.frame.flags = 14u << CANRING_DLC_SHIFT;
    int length = cr_msgpack_frame_encode(&sent.frame, datagram, sizeof(datagram));
    assert_int_equal(decode(datagram, (size_t)length), 0);
    assert_int_equal(canring_frame_dlc(&got.frame), 8);
}

static void xl_frame_is_refused_and_small_space_too(void **state)
{
    (void)state;
    memset(&sent, 0, sizeof(sent));
    sent.frame.flags = CANRING_XL;
    sent.frame.size = 40;
    assert_int_equal(cr_msgpack_frame_encode(&sent.frame, datagram, sizeof(datagram)), -EOPNOTSUPP);
    fd_frame(1, 0, 64);
    for (size_t space = 0; space < 200; space++)
        assert_int_equal(cr_msgpack_frame_encode(&sent.frame, datagram, space), -ENOSPC);
}

static void missing_keys_have_the_defaults_of_python_can(void **state)
{
    (void)state;
    assert_int_equal(decode("\x81\xaf"
                            "arbitration_id\x12",
                            17),
                     -EBADMSG); /* one byte short of its name */
    assert_int_equal(decode("\x81\xae"
                            "arbitration_id\x12",
                            17),
                     0);
    assert_int_equal(got.frame.id, CANRING_ID_EXTENDED | 0x12);
    assert_int_equal(canring_frame_length(&got.frame), 0);
    assert_int_equal(decode("\x80", 1), -EBADMSG);
}

static void unknown_key_is_skipped(void **state)
{
    (void)state;
    assert_int_equal(decode("\x82\xa5is_rx\xc3\xae"
                            "arbitration_id\x12",
                            24),
                     0);
}

static void hostile_datagrams_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
        {"", 0},
        {"\xdf\xff\xff\xff\xff", 5}, /* map of 2^32 - 1 pairs */
        {"\xdd\xff\xff\xff\xff", 5}, /* array of as many */
        {"\x81\xa4"
         "data\xc6\xff\xff\xff\xff",
         11}, /* 4 GiB of data */
        {"\x81\xa4"
         "data\xdd\xff\xff\xff\xff",
         11},                                    /* a list in place of data */
        {"\x81\x81\x81\x81\x81\x81\x81\x81", 8}, /* maps as keys of maps */
        {"\x81\xae"
         "arbitration_id\xff",
         17}, /* -1 */
        {"\x81\xae"
         "arbitration_id\xd1\x80\x01",
         19},
        {"\x81\xae"
         "arbitration_id\xce\x20\x00\x00\x00",
         21}, /* 30 bits */
        {"\x81\xae"
         "arbitration_id\xa1"
         "1",
         18},
        {"\x81\xae"
         "arbitration_id\xcb\x40\x5e\xc0\0\0\0\0\0",
         25}, /* 123.0 */
        {"\x81\xae"
         "arbitration_id\x12\x00",
         18}, /* one byte too many */
        {"\x82\xae"
         "arbitration_id\x12\xa3"
         "dlc\x05",
         22}, /* 5 bytes promised */
        {"\x82\xae"
         "arbitration_id\x12\xa5"
         "is_fd\x01",
         24}, /* 1 for true */
        {"\x83\xae"
         "arbitration_id\x12\xa5"
         "is_fd\xc3\xaf"
         "is_remote_frame\xc3",
         41},
        {"\x82\xae"
         "arbitration_id\x12\xae"
         "bitrate_switch\xc3",
         33},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(decode(bad[i].bytes, bad[i].length), -EBADMSG);
}

static void cut_datagram_is_refused_at_every_length(void **state)
{
    (void)state;
    fd_frame(0x123, CANRING_BRS, 64);
    int length = cr_msgpack_frame_encode(&sent.frame, datagram, sizeof(datagram));
    for (int cut = 0; cut < length; cut++)
        assert_int_equal(decode(datagram, (size_t)cut), -EBADMSG);
}

/* What we accept, msgpack-c accepts as one object with nothing behind it. */
static void accepted_mutations_are_msgpack_for_msgpack_c_too(void **state)
{
    (void)state;
    uint64_t seed = 42;
    unsigned accepted = 0;
    fd_frame(0x123, CANRING_BRS, 8);
    int length = cr_msgpack_frame_encode(&sent.frame, datagram, sizeof(datagram));
    for (int round = 0; round < 200000; round++) {
        uint8_t mutated[CR_MSGPACK_FRAME_MAX];
        memcpy(mutated, datagram, (size_t)length);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        mutated[(seed >> 33) % (unsigned)length] = (uint8_t)(seed >> 20);
        if (decode(mutated, (size_t)length))
            continue;
        accepted++;
        assert_int_equal(canring_frame_check(&got.frame, sizeof(got)), 0);
        msgpack_unpacked object;
        size_t end = 0;
        msgpack_unpacked_init(&object);
        assert_int_equal(msgpack_unpack_next(&object, (char *)mutated, (size_t)length, &end),
                         MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(end, length);
        msgpack_unpacked_destroy(&object);
    }
    assert_true(accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_classic_length_and_id_survives),
        cmocka_unit_test(remote_frame_keeps_its_length_code),
        cmocka_unit_test(every_fd_length_survives_with_its_flags),
        cmocka_unit_test(length_that_fd_does_not_have_is_filled_up),
        cmocka_unit_test(raw_dlc_above_eight_becomes_eight),
        cmocka_unit_test(xl_frame_is_refused_and_small_space_too),
        cmocka_unit_test(missing_keys_have_the_defaults_of_python_can),
        cmocka_unit_test(unknown_key_is_skipped),
        cmocka_unit_test(hostile_datagrams_are_refused),
        cmocka_unit_test(cut_datagram_is_refused_at_every_length),
        cmocka_unit_test(accepted_mutations_are_msgpack_for_msgpack_c_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
