#include "check.h"

#include <canring/text.h>
#include <errno.h>
#include <stdio.h>

static union canring_frame_buffer buffer;
static struct canring_frame *const frame = &buffer.frame;
static char text[CANRING_TEXT_MAX];
static uint64_t seed;

static uint32_t random_u32(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 32);
}

static void parse(const char *from)
{
    struct canring_error err = {0};
    if (canring_frame_parse(&buffer, from, strlen(from), &err))
        fail_msg("\"%s\": %s", from, err.text);
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
}

/* Parse and write again: the text a user may type and the one we write. */
static void assert_canonical(const char *from, const char *to)
{
    parse(from);
    assert_int_equal(canring_frame_format(frame, text, sizeof(text)), strlen(to));
    assert_string_equal(text, to);
}

static void assert_refused(const char *from, const char *words)
{
    struct canring_error err = {0};
    assert_int_equal(canring_frame_parse(&buffer, from, strlen(from), &err), -EINVAL);
    assert_int_equal(canring_frame_parse(&buffer, from, strlen(from), NULL), -EINVAL);
    if (!strstr(err.text, words))
        fail_msg("%s: \"%s\" does not say \"%s\"", from, err.text, words);
}

static void classic_forms_are_read(void **state)
{
    (void)state;
    parse("123#1122334455667788");
    assert_int_equal(frame->id, 0x123);
    assert_int_equal(canring_frame_dlc(frame), 8);
    assert_memory_equal(frame->data, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    parse("12345678#112233");
    assert_int_equal(frame->id, 0x12345678 | CANRING_ID_EXTENDED);
    assert_int_equal(canring_frame_length(frame), 3);
    parse("00000123#");
    assert_int_equal(frame->id, 0x123 | CANRING_ID_EXTENDED);
    assert_int_equal(canring_frame_length(frame), 0);
    assert_canonical("5A1#11.2233.44556677.88", "5A1#1122334455667788");
    assert_canonical("5aa#", "5AA#");
    assert_canonical("123#deadBEEF", "123#DEADBEEF");
    assert_canonical("123#11.22.33.44.55.66.77.88_e", "123#1122334455667788_E");
    assert_int_equal(canring_frame_dlc(frame), 14);
}

static void remote_forms_are_read(void **state)
{
    (void)state;
    assert_canonical("123#R", "123#R");
    assert_canonical("123#R0", "123#R");
    assert_canonical("123#r4", "123#R4");
    assert_int_equal(frame->id, 0x123 | CANRING_ID_REMOTE);
    assert_int_equal(canring_frame_dlc(frame), 4);
    assert_int_equal(canring_frame_length(frame), 0);
    assert_canonical("12345678#R8_9", "12345678#R8_9");
    assert_int_equal(canring_frame_dlc(frame), 9);
}

static void fd_forms_are_read(void **state)
{
    (void)state;
    assert_canonical("123##1", "123##5");
    assert_canonical("123##0", "123##4");
    assert_canonical("213##311223344", "213##711223344");
    assert_int_equal(frame->flags, CANRING_FD | CANRING_BRS | CANRING_ESI);
    assert_canonical("12345678##5.11", "12345678##511");
}

static void short_fd_data_is_padded_as_cansend_does(void **state)
{
    (void)state;
    assert_canonical("123##0112233445566778899", "123##4112233445566778899000000");
    assert_int_equal(canring_frame_length(frame), 12);
}

static void error_frames_keep_their_class(void **state)
{
    (void)state;
    assert_canonical("20000080#0000000000000000", "20000080#0000000000000000");
    assert_int_equal(frame->id, CANRING_ID_ERROR | 0x80);
    assert_canonical("2000008C#0004000000000000", "2000008C#0004000000000000");
}

static void xl_forms_are_read(void **state)
{
    (void)state;
    struct canring_xl xl;
    assert_canonical("45123#81:00:12345678#11223344", "45123#81:00:12345678#11223344");
    memcpy(&xl, frame->data, sizeof(xl));
    assert_int_equal(frame->id, 0x123);
    assert_int_equal(xl.vcid, 0x45);
    assert_int_equal(xl.flags, 0x01);
    assert_int_equal(xl.sdu_type, 0);
    assert_int_equal(xl.acceptance_field, 0x12345678);
    assert_int_equal(canring_frame_length(frame), 4);
}

static void damaged_frames_are_refused_with_the_column(void **state)
{
    (void)state;
    assert_refused("", "column 1: found the end");
    assert_refused("123", "column 4: found the end");
    assert_refused("#11", "column 1: identifier of 0 digits");
    assert_refused("12#11", "column 1: identifier of 2 digits");
    assert_refused("12#11", "did you mean 012?");
    assert_refused("1234567#11", "did you mean 01234567?");
    assert_refused("123456789#11", "identifier of 9 digits, allowed: 3");
    assert_refused("12G#11", "column 3: found 'G'");
    assert_refused("800#11", "column 1: standard identifier 800, allowed: 000 to 7FF; did you "
                             "mean 00000800?");
    assert_refused("80000123#11", "identifier 80000123, allowed: up to 1FFFFFFF");
    assert_refused("123#1", "column 6: found the end, allowed: a hexadecimal digit");
    assert_refused("123#1x", "column 6: found 'x'");
    assert_refused("123#11.", "column 8: found the end, allowed: a byte after '.'");
    assert_refused("123#.11", "column 5: found '.'");
    assert_refused("123#11..22", "column 8: found '.'");
    assert_refused("123#112233445566778899", "column 21: more than 8 bytes of data, a CAN FD");
    assert_refused("123#11_9", "column 7: found '_'");
    assert_refused("123#1122334455667788_8", "column 22: raw DLC 8, allowed: 9 to F");
    assert_refused("123#1122334455667788_", "column 22: found the end");
    assert_refused("123#1122334455667788_99", "column 23: found '9'");
    assert_refused("123#R9", "column 6: length 9, allowed: 0 to 8");
    assert_refused("123#R4_9", "column 7: found '_'");
    assert_refused("123#R8_7", "raw DLC 7");
    assert_refused("123#R44", "column 7: found '4'");
    assert_refused("123##", "column 6: found the end");
    assert_refused("123##8", "column 6: flags 8");
    assert_refused("123##1.", "column 8: found the end, allowed: a byte");
    assert_refused("123##111_9", "column 9: found '_'");
    assert_refused("20000080#R", "column 10: an error frame cannot be a remote frame");
    assert_refused("20000080##1", "an error frame cannot be a CAN FD frame");
    assert_refused("123#11 ", "column 7: found ' '");
    assert_refused("45123#01:00:12345678#11", "column 7: CAN XL flags 01, allowed: 80 to FF");
    assert_refused("45800#81:00:12345678#11", "column 1: priority 800");
    assert_refused("45123#81:00:12345678#", "column 22: found the end, allowed: 1 to 2048");
    assert_refused("45123#81:00:1234567#11", "column 20: found '#'");
    assert_refused("45123#8100:12345678#11", "column 9: found '0', allowed: ':'");
    assert_refused("123\n#11", "column 4: found byte 0x0a");
}

static void text_needs_no_terminating_nul(void **state)
{
    (void)state;
    assert_int_equal(canring_frame_parse(&buffer, "123#1122", 6, NULL), 0);
    assert_int_equal(canring_frame_length(frame), 1);
    assert_int_equal(canring_frame_parse(&buffer, "123#11\0", 7, NULL), -EINVAL);
}

static void too_small_a_space_is_refused(void **state)
{
    (void)state;
    parse("123#1122");
    assert_int_equal(canring_frame_format(frame, text, 8), -ENOSPC);
    assert_int_equal(canring_frame_format(frame, text, 9), 8);
    assert_int_equal(canring_log_format(frame, "can0", 6, text, 34), -ENOSPC);
    assert_int_equal(canring_log_format(frame, "can0", 6, text, 35), 34);
}

static int parse_line(const char *line, char name[CANRING_TEXT_NAME], struct canring_error *err)
{
    return canring_log_parse(&buffer, name, line, strlen(line), err);
}

static void assert_line(const char *line, uint64_t timestamp_ns, const char *name,
                        const char *frame_text)
{
    char found[CANRING_TEXT_NAME];
    struct canring_error err = {0};
    if (parse_line(line, found, &err) != 1)
        fail_msg("\"%s\": %s", line, err.text);
    assert_int_equal(frame->timestamp_ns, timestamp_ns);
    assert_int_equal(frame->flags & CANRING_CLOCK_MASK, CANRING_CLOCK_PROXY);
    assert_string_equal(found, name);
    assert_true(canring_frame_format(frame, text, sizeof(text)) > 0);
    assert_string_equal(text, frame_text);
}

static void log_lines_are_read_in_every_dialect(void **state)
{
    (void)state;
    const uint64_t ns = UINT64_C(1700000000000001000);
    assert_line("(1700000000.000001) can0 123#11", ns, "can0", "123#11");
    assert_line("(1700000000.000001) can0 123#11\n", ns, "can0", "123#11");
    assert_line("(1700000000.000001)   can0  123#11\r\n", ns, "can0", "123#11");
    assert_line("(1700000000.000001234) can0 123#R4", ns + 234, "can0", "123#R4");
    assert_line("(1.5) any 123##1", 1500000000, "any", "123##5");
    assert_line("(0000000000.000000) vcan0 12345678#", 0, "vcan0", "12345678#");
    assert_line("(1700000000.000001) can0 123#11 R", ns, "can0", "123#11");
    assert_false(frame->flags & CANRING_TX);
    assert_line("(1700000000.000001) can0 123#11 T\n", ns, "can0", "123#11");
    assert_true(frame->flags & CANRING_TX);
}

static void lines_without_a_frame_are_passed_over(void **state)
{
    (void)state;
    char name[CANRING_TEXT_NAME];
    assert_int_equal(parse_line("", name, NULL), 0);
    assert_int_equal(parse_line("\n", name, NULL), 0);
    assert_int_equal(parse_line("  \r\n", name, NULL), 0);
    assert_int_equal(parse_line("# a remark\n", name, NULL), 0);
    assert_int_equal(parse_line("DROPCOUNT: dropped 3 CAN frames on 'can0' socket\n", name, NULL),
                     0);
}

static void assert_line_refused(const char *line, const char *words)
{
    char name[CANRING_TEXT_NAME];
    struct canring_error err = {0};
    assert_int_equal(parse_line(line, name, &err), -EINVAL);
    if (!strstr(err.text, words))
        fail_msg("%s: \"%s\" does not say \"%s\"", line, err.text, words);
}

static void damaged_lines_are_refused_with_the_column(void **state)
{
    (void)state;
    assert_line_refused("hello", "column 1: found 'h', allowed: '('");
    assert_line_refused("()", "column 2: found ')', allowed: seconds");
    assert_line_refused("(-1.000000) can0 123#11", "column 2: found '-'");
    assert_line_refused("(17", "column 4: found the end, allowed: a digit or '.'");
    assert_line_refused("(17.", "column 5: found the end, allowed: 1 to 9 digits");
    assert_line_refused("(17.1234567890) can0 123#11", "column 14: found '0', allowed: ')'");
    assert_line_refused("(99999999999.000000) can0 123#11", "column 2: more seconds");
    assert_line_refused("(17.000000)", "column 12: found the end");
    assert_line_refused("(17.000000)can0 123#11", "column 12: found 'c'");
    assert_line_refused("(17.000000) can0", "column 17: found the end, allowed: a blank");
    assert_line_refused("(17.000000) can0 ", "column 18: found the end");
    assert_line_refused("(17.000000) can0 123#1", "column 23: found the end");
    assert_line_refused("(17.000000) can0 123#11 X", "column 25: found 'X', allowed: R, T");
    assert_line_refused("(17.000000) can0 123#11 R R", "column 27: found 'R'");
    assert_line_refused("(17.000000) can0 123##1112233445566778899", "9 bytes of data, no CAN FD");
    assert_line_refused("(17.000000) a23456789012345678901234567890123456789012345678901234567890"
                        "1234 123#11",
                        "column 13: interface name of more than 63");
}

static void name_of_63_characters_is_kept(void **state)
{
    (void)state;
    char name[CANRING_TEXT_NAME], line[128], found[CANRING_TEXT_NAME];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(line, sizeof(line), "(1.000000) %s 123#11", name);
    assert_int_equal(parse_line(line, found, NULL), 1);
    assert_string_equal(found, name);
}

static void cut_lines_are_never_half_read(void **state)
{
    (void)state;
    static const char line[] = "(1700000000.000001) can0 123##5"
                               "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
    char name[CANRING_TEXT_NAME];
    for (size_t cut = 1; cut < sizeof(line) - 1; cut++) {
        int result = canring_log_parse(&buffer, name, line, cut, NULL);
        if (result != 1) {
            assert_int_equal(result, -EINVAL);
            continue;
        }
        /* What is left is a frame of its own: a classic one without data, or whole bytes and a
         * length that CAN FD has. Whether the newline is missing is for the reader to say. */
        if (cut == sizeof("(1700000000.000001) can0 123#") - 1)
            continue;
        assert_true(cut >= sizeof("(1700000000.000001) can0 123##5") - 1);
        assert_int_equal((cut - 31) % 2, 0);
        assert_int_equal(canring_frame_length(frame), (cut - 31) / 2);
        assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
    }
}

static void seconds_and_fraction_are_written_as_candump_does(void **state)
{
    (void)state;
    parse("123#11");
    frame->timestamp_ns = UINT64_C(1700000000000001999);
    assert_int_equal(canring_log_format(frame, "can0", 6, text, sizeof(text)), 32);
    assert_string_equal(text, "(1700000000.000001) can0 123#11\n");
    assert_true(canring_log_format(frame, "can0", 9, text, sizeof(text)) > 0);
    assert_string_equal(text, "(1700000000.000001999) can0 123#11\n");
    frame->timestamp_ns = 1500000000;
    assert_true(canring_log_format(frame, "can0", 6, text, sizeof(text)) > 0);
    assert_string_equal(text, "(0000000001.500000) can0 123#11\n");
    frame->timestamp_ns = UINT64_MAX;
    assert_true(canring_log_format(frame, "can0", 9, text, sizeof(text)) > 0);
    assert_string_equal(text, "(18446744073.709551615) can0 123#11\n");
    assert_int_equal(canring_log_format(frame, "can0", 0, text, sizeof(text)), -EINVAL);
    assert_int_equal(canring_log_format(frame, "can0", 10, text, sizeof(text)), -EINVAL);
}

static void make_classic(void)
{
    uint64_t data = (uint64_t)random_u32() << 32 | random_u32();
    bool extended = random_u32() % 2;
    uint32_t id = random_u32() & (extended ? CANRING_ID_MASK_EXT : CANRING_ID_MASK_STD);
    canring_frame_classic(frame, id | (extended ? CANRING_ID_EXTENDED : 0), &data,
                          random_u32() % 9);
    if (canring_frame_length(frame) == 8)
        frame->flags = (uint16_t)((8 + random_u32() % 8) << CANRING_DLC_SHIFT);
}

static void make_remote(void)
{
    make_classic();
    frame->size = CANRING_FRAME_HEADER;
    frame->id |= CANRING_ID_REMOTE;
}

static void make_error(void)
{
    make_classic();
    frame->id = CANRING_ID_ERROR | (random_u32() & CANRING_ID_MASK_EXT);
}

static void make_fd(void)
{
    static const uint8_t lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};
    make_classic();
    size_t length = lengths[random_u32() % 16];
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    frame->flags = (uint16_t)(CANRING_FD | (random_u32() & (CANRING_BRS | CANRING_ESI)));
    for (size_t i = 0; i < length; i++)
        frame->data[i] = (uint8_t)random_u32();
}

static void make_xl(void)
{
    size_t length = 1 + random_u32() % (random_u32() % 2 ? 16 : CANRING_XL_DATA_MAX);
    struct canring_xl xl = {.acceptance_field = random_u32(),
                            .sdu_type = (uint8_t)random_u32(),
                            .flags = (uint8_t)(random_u32() & 0x7f),
                            .vcid = (uint8_t)random_u32()};
    canring_frame_classic(frame, random_u32() & CANRING_ID_MASK_STD, NULL, 0);
    frame->flags = CANRING_XL;
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + sizeof(xl) + length);
    memcpy(frame->data, &xl, sizeof(xl));
    for (size_t i = 0; i < length; i++)
        canring_frame_data(frame)[i] = (uint8_t)random_u32();
}

static void (*const makers[])(void) = {make_classic, make_remote, make_error, make_fd, make_xl};

static void every_kind_of_frame_survives_the_round_trip(void **state)
{
    (void)state;
    static union canring_frame_buffer made;
    char name[CANRING_TEXT_NAME];
    seed = 42;
    for (size_t i = 0; i < 50000; i++) {
        memset(&buffer, 0, sizeof(buffer));
        makers[i % 5]();
        frame->timestamp_ns = ((uint64_t)random_u32() << 32 | random_u32()) % UINT64_MAX;
        frame->flags |= CANRING_CLOCK_PROXY;
        canring_frame_copy(&made.frame, frame);
        int length = canring_log_format(frame, "vcan0", 9, text, sizeof(text));
        assert_true(length > 0);
        assert_int_equal(length, strlen(text));
        memset(&buffer, 0xa5, sizeof(buffer));
        assert_int_equal(canring_log_parse(&buffer, name, text, (size_t)length, NULL), 1);
        assert_string_equal(name, "vcan0");
        assert_int_equal(frame->size, made.frame.size);
        assert_memory_equal(frame, &made, made.frame.size);
    }
}

static void longest_text_fits_the_promised_space(void **state)
{
    (void)state;
    seed = 1;
    make_xl();
    frame->size = CANRING_FRAME_MAX;
    memset(canring_frame_data(frame), 0xff, CANRING_XL_DATA_MAX);
    int length = canring_log_format(frame,
                                    "a23456789012345678901234567890123456789012345678901234567"
                                    "890123",
                                    9, text, sizeof(text));
    assert_true(length > 4096);
}

/* Flip a byte anywhere: the parser refuses, or reads a frame that is well formed. */
static void mutated_lines_give_whole_frames_or_errors(void **state)
{
    (void)state;
    char name[CANRING_TEXT_NAME];
    seed = 99;
    for (size_t i = 0; i < 100000; i++) {
        memset(&buffer, 0, sizeof(buffer));
        makers[i % 4]();
        int length = canring_log_format(frame, "vcan0", 6, text, sizeof(text));
        text[random_u32() % (uint32_t)length] = (char)random_u32();
        memset(&buffer, 0xa5, sizeof(buffer));
        int result = canring_log_parse(&buffer, name, text, (size_t)length, NULL);
        if (result == 1)
            assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classic_forms_are_read),
        cmocka_unit_test(remote_forms_are_read),
        cmocka_unit_test(fd_forms_are_read),
        cmocka_unit_test(short_fd_data_is_padded_as_cansend_does),
        cmocka_unit_test(error_frames_keep_their_class),
        cmocka_unit_test(xl_forms_are_read),
        cmocka_unit_test(damaged_frames_are_refused_with_the_column),
        cmocka_unit_test(text_needs_no_terminating_nul),
        cmocka_unit_test(too_small_a_space_is_refused),
        cmocka_unit_test(log_lines_are_read_in_every_dialect),
        cmocka_unit_test(lines_without_a_frame_are_passed_over),
        cmocka_unit_test(damaged_lines_are_refused_with_the_column),
        cmocka_unit_test(name_of_63_characters_is_kept),
        cmocka_unit_test(cut_lines_are_never_half_read),
        cmocka_unit_test(seconds_and_fraction_are_written_as_candump_does),
        cmocka_unit_test(every_kind_of_frame_survives_the_round_trip),
        cmocka_unit_test(longest_text_fits_the_promised_space),
        cmocka_unit_test(mutated_lines_give_whole_frames_or_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
