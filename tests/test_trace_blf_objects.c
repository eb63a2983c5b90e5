/* Objects of a BLF of every kind, whole and not. */
#include "blf_objects_rig.h"

#include <zlib.h>

static void frames_of_all_kinds_of_objects_are_read(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    message(0x123, 2);
    message(0x12345678 | BLF_ID_EXTENDED, 12);
    message(0x123, 4)[2] = BLF_REMOTE;
    uint8_t *body = object(BLF_CAN_FD_MESSAGE, 84, BLF_TICKS_1NS, 0); /* python-can's is so short */
    body[0] = 1;
    body[3] = 9;
    blf_put32(body + 4, 0x7ff);
    body[13] = BLF_FD_EDL | BLF_FD_BRS | BLF_FD_ESI;
    body[14] = 12;
    body = object(BLF_CAN_FD_MESSAGE, BLF_FD_BODY, BLF_TICKS_1NS, 0); /* a classic one */
    body[0] = 1;
    body[3] = 1;
    body[14] = 1;
    body[20] = 0x42;
    body = object(BLF_CAN_FD_MESSAGE_64, BLF_FD64_DATA, BLF_TICKS_1NS, 0); /* remote */
    body[0] = 1;
    body[1] = 3;
    blf_put32(body + 12, BLF_FD64_REMOTE);
    body = object(BLF_CAN_FD_MESSAGE_64, BLF_FD64_DATA + 5, BLF_TICKS_1NS, 0); /* padded */
    body[0] = 1;
    body[1] = body[2] = 5;
    blf_put32(body + 12, BLF_FD64_EDL | BLF_FD64_BRS);
    body[BLF_FD64_DIRECTION] = 1;
    body = object(BLF_CAN_XL_FRAME, BLF_XL_DATA + 1, BLF_TICKS_1NS, 0);
    body[0] = 1;
    body[20] = 1;
    body[16] = 3;
    body[26] = 7;
    blf_put32(body + 12, 0x55);
    blf_put32(body + 48, BLF_XL_XLF | BLF_XL_SEC);
    body[BLF_XL_DATA] = 0xee;
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 8);
    is_frame(&out, 0, "123#0102");
    is_frame(&out, 1, "12345678#0102030405060708_C");
    is_frame(&out, 2, "123#R4");
    is_frame(&out, 3, "7FF##7000000000000000000000000");
    is_frame(&out, 4, "000#42");
    is_frame(&out, 5, "000#R3");
    is_frame(&out, 6, "000##50000000000");
    assert_true(out.entries[6].frame->flags & CANRING_TX);
    is_frame(&out, 7, "07055#81:03:00000000#EE");
    rig_free(&out);
}

static void an_xl_object_may_hold_a_classic_or_fd_frame(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    for (unsigned fd = 0; fd < 2; fd++) {
        uint8_t *body = object(BLF_CAN_XL_FRAME, BLF_XL_DATA + 8, BLF_TICKS_1NS, 0);
        body[0] = 1;
        body[18] = body[20] = 8;
        blf_put32(body + 12, 0x321);
        blf_put32(body + 48, fd ? BLF_XL_FDF | BLF_XL_BRS : 0);
    }
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 2);
    is_frame(&out, 0, "321#0000000000000000");
    is_frame(&out, 1, "321##50000000000000000");
    rig_free(&out);
}

static void errors_are_read_in_every_dialect(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    object(BLF_CAN_ERROR, 8, BLF_TICKS_1NS, 0)[0] = 1;
    uint8_t *body = object(BLF_CAN_ERROR_EXT, BLF_ERROR_BODY, BLF_TICKS_1NS, 0);
    body[0] = 1; /* SocketCAN's words, as python-can stores them */
    body[10] = 8;
    blf_put32(body + 16, 0x88 | BLF_ID_EXTENDED);
    body[BLF_ERROR_DATA + 2] = 4;
    body = object(BLF_CAN_ERROR_EXT, BLF_ERROR_BODY, BLF_TICKS_1NS, 0);
    body[0] = 1; /* Vector's: no acknowledgement, of frame 123 */
    blf_put32(body + 4, BLF_ERROR_CORE);
    blf_put32(body + 16, 0x123);
    blf_put16(body + 20, BLF_ERROR_SENT | 7 << 6);
    body = object(BLF_CAN_FD_ERROR_64, BLF_FD_ERROR_BODY, BLF_TICKS_1NS, 0);
    body[0] = 1;
    blf_put16(body + 6, 2 << 6); /* stuff */
    body = object(BLF_CAN_FD_ERROR_64, BLF_FD_ERROR_BODY, BLF_TICKS_1NS, 0);
    body[0] = 1;
    blf_put16(body + 6, 0x3f << 6); /* of a kind that nobody knows */
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 5);
    is_frame(&out, 0, "20000080#0000000000000000"); /* as ASC has it */
    is_frame(&out, 1, "20000088#0000040000000000");
    is_frame(&out, 2, "20000020#0000001900000000");
    assert_true(out.entries[2].frame->flags & CANRING_TX);
    is_frame(&out, 3, "20000008#0000040000000000");
    is_frame(&out, 4, "20000080#0000000000000000");
    rig_free(&out);
}

static void longer_headers_are_passed_over(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    uint8_t *base = object(BLF_CAN_MESSAGE2, BLF_MESSAGE2_BODY + 8, BLF_TICKS_1NS, 77);
    base -= BLF_OBJECT_HEADER;
    blf_put16(base + 4, 40);
    blf_put16(base + 6, 2);
    base[40] = 3;
    base[43] = 1;
    base[48] = 0x99;
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    is_frame(&out, 0, "000#99");
    assert_string_equal(out.buses[0], "can2");
    assert_int_equal(out.entries[0].timestamp_ns, START_NS + 77);
    rig_free(&out);
}

static void objects_may_straddle_containers_of_any_size(void **state)
{
    struct rig_list out;

    (void)state;
    for (size_t each = 1; each < 150; each += 7) {
        begin();
        for (unsigned i = 0; i < 9; i++) {
            message(0x100 + i, i);
            memset(object(200, 301, BLF_TICKS_1NS, 0), 'L', 301); /* of a type that we skip */
        }
        for (size_t at = 0; at < made; at += each) {
            uint8_t packed[512];
            uLongf length = sizeof(packed);
            size_t part = made - at < each ? made - at : each;
            assert_int_equal(compress2(packed, &length, objects + at, part, 1), Z_OK);
            if (at / each % 3 == 0)
                container(objects + at, part, BLF_METHOD_NONE, (uint32_t)part);
            else
                container(packed, length, BLF_METHOD_ZLIB, at / each % 3 == 1 ? (uint32_t)part : 0);
        }
        read_file(&out);
        assert_int_equal(out.damage, 0);
        assert_int_equal(out.count, 9);
        for (unsigned i = 0; i < 9; i++)
            assert_int_equal(out.entries[i].frame->id, 0x100 + i);
        rig_free(&out);
    }
}

static void objects_outside_of_containers_are_read(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    object(65, 20, BLF_TICKS_1NS, 0); /* a text */
    message(0x111, 1);
    memcpy(file + stored, objects, made);
    stored += made;
    made = 0;
    message(0x222, 1);
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 2);
    is_frame(&out, 0, "111#01");
    is_frame(&out, 1, "222#01");
    rig_free(&out);
}

static void what_is_no_frame_is_told_and_the_next_one_read(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    message(0x111, 1)[0] = 0; /* channel 0 */
    message(0x222, 1);
    uint8_t *body = object(BLF_CAN_FD_MESSAGE_64, BLF_FD64_DATA + 8, BLF_TICKS_1NS, 0);
    body[0] = 1;
    body[1] = 15; /* 64 bytes, of which it has 8 */
    body[2] = 64;
    blf_put32(body + 12, BLF_FD64_EDL);
    object(BLF_CAN_MESSAGE, 10, BLF_TICKS_1NS, 0);
    message(0x333, 1);
    read_objects(&out);
    assert_int_equal(out.damage, 3);
    assert_non_null(strstr(out.error, "byte 144: in this container: channel 0"));
    assert_int_equal(out.count, 2);
    is_frame(&out, 0, "222#01");
    is_frame(&out, 1, "333#01");
    rig_free(&out);
}

static void a_loss_that_has_no_end_is_told_at_the_end(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    object(BLF_DATA_LOST_BEGIN, 4, BLF_TICKS_1NS, 5);
    blf_put32(object(BLF_DATA_LOST_END, 16, BLF_TICKS_1NS, 6) + 12, 99);
    object(BLF_DATA_LOST_BEGIN, 4, BLF_TICKS_1NS, 7);
    message(0x222, 1)[0] = 4;
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.entries[0].kind, CANRING_TRACE_LOST);
    assert_int_equal(out.entries[0].lost, 99);
    assert_int_equal(out.entries[0].timestamp_ns, START_NS + 6);
    assert_int_equal(out.entries[2].kind, CANRING_TRACE_LOST);
    assert_int_equal(out.entries[2].lost, 0);
    assert_int_equal(out.entries[2].timestamp_ns, START_NS + 7);
    rig_free(&out);
}

static void wrong_sizes_cost_no_memory_and_no_frame_behind_them(void **state)
{
    static const uint32_t sizes[] = {0, 1, 15, 31, 0x1000, 0x7fffffff, 0xffffffff};
    struct rig_list out;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (unsigned outside = 0; outside < 2; outside++) {
            begin();
            uint8_t *bad = message(0x111, 1) - BLF_OBJECT_HEADER;
            blf_put32(bad + 8, sizes[i]);
            if (outside) {
                memcpy(file + stored, objects, made);
                blf_put32(file + stored + 12, BLF_LOG_CONTAINER);
                stored += made;
                made = 0;
            }
            message(0x222, 1);
            read_objects(&out);
            assert_true(out.damage >= 1 && out.damage <= 3);
            is_frame(&out, 0, "222#01");
            assert_int_equal(out.count, 1);
            rig_free(&out);
        }
    }
}

static void a_bomb_is_no_container(void **state)
{
    static uint8_t zeros[1 << 16];
    z_stream stream = {0};
    static uint8_t packed[1 << 20];
    struct rig_list out;
    int result = Z_OK;

    (void)state;
    begin();
    assert_int_equal(deflateInit(&stream, 9), Z_OK);
    stream.next_out = packed;
    stream.avail_out = sizeof(packed);
    for (unsigned i = 0; i < 65 * 16 && result == Z_OK; i++) {
        stream.next_in = zeros;
        stream.avail_in = sizeof(zeros);
        result = deflate(&stream, i == 65 * 16 - 1 ? Z_FINISH : Z_NO_FLUSH);
    }
    assert_int_equal(result, Z_STREAM_END);
    size_t length = sizeof(packed) - stream.avail_out;
    deflateEnd(&stream);
    container(packed, length, BLF_METHOD_ZLIB, 100);
    message(0x222, 1);
    read_objects(&out);
    assert_int_equal(out.damage, 1);
    assert_int_equal(out.count, 1);
    rig_free(&out);
}

static void an_unknown_compression_is_told(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    message(0x111, 1);
    container(objects, made, 3, (uint32_t)made);
    made = 0;
    message(0x222, 1);
    read_objects(&out);
    assert_int_equal(out.damage, 1);
    assert_non_null(strstr(out.error, "byte 144: "));
    is_frame(&out, 0, "222#01");
    rig_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_all_kinds_of_objects_are_read),
        cmocka_unit_test(an_xl_object_may_hold_a_classic_or_fd_frame),
        cmocka_unit_test(errors_are_read_in_every_dialect),
        cmocka_unit_test(longer_headers_are_passed_over),
        cmocka_unit_test(objects_may_straddle_containers_of_any_size),
        cmocka_unit_test(objects_outside_of_containers_are_read),
        cmocka_unit_test(what_is_no_frame_is_told_and_the_next_one_read),
        cmocka_unit_test(a_loss_that_has_no_end_is_told_at_the_end),
        cmocka_unit_test(wrong_sizes_cost_no_memory_and_no_frame_behind_them),
        cmocka_unit_test(a_bomb_is_no_container),
        cmocka_unit_test(an_unknown_compression_is_told),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
