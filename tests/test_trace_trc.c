/* PEAK's TRC, written and read. */
#include "trace_text_rig.h"

#define S  UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static void read_trc(const char *text, struct rig_list *out)
{
    text_read("trc", text, strlen(text), out);
}

static void mixed_frames_survive_a_round_trip(void **state)
{
    (void)state;
    text_round_trip("trc", true, 2, 1000); /* there is no CAN XL before version 3 */
}

static void old_files_hold_all_but_fd(void **state)
{
    (void)state;
    text_round_trip("trc1.1", false, 6, MS / 10);
}

static void nine_digits_keep_nanoseconds(void **state)
{
    (void)state;
    text_nanoseconds("trc", false);
}

static void begins_with(const char *text, const char *head)
{
    if (strncmp(text, head, strlen(head)) != 0)
        fail_msg("not the head expected: %s", text);
}

static void files_look_like_peaks(void **state)
{
    struct rig_list in = {0};
    size_t length;

    (void)state;
    rig_frame(&in, "123#1122", 0, 0, false);
    rig_frame(&in, "12345678#R3", 1, 5 * S, true);
    char *text = text_encode("trc", &in, 0, text_two_buses, &length);
    begins_with(text, ";$FILEVERSION=2.1\r\n;$STARTTIME=45244.925925925925\r\n"
                      ";$COLUMNS=N,O,T,B,I,d,R,L,D\r\n;\r\n"
                      ";   Start time: 14.11.2023 22:13:20.000.0\r\n");
    assert_non_null(strstr(text, "--\r\n      1       123.456 DT 1      0123 Rx -  2    11 22\r\n"
                                 "      2      5123.456 RR 2  12345678 Tx -  3\r\n"));
    free(text);
    in.entries[1].bus = 0;
    text = text_encode("trc1.1", &in, 0, text_two_buses, &length);
    begins_with(text, ";$FILEVERSION=1.1\r\n;$STARTTIME=45244.925925925925\r\n;\r\n");
    assert_non_null(strstr(text, "--\r\n     1)       123.4  Rx         0123  2  11 22\r\n"
                                 "     2)      5123.4  Tx     12345678  3  RTR\r\n"));
    free(text);
    rig_free(&in);
}

/* A long time ran into the number before it, and nobody could read the row, nor could we. */
static void long_times_of_old_files_are_apart_from_numbers(void **state)
{
    static const char before[] = ";$FILEVERSION=1.1\r\n;   canring: zero 1700000000.000000000\r\n"
                                 "     1)         0.0  Rx         0123  1  11\r\n"
                                 "     2)1000000000.0  Rx         0123  1  22\r\n";
    static const unsigned digits[] = {0, 6, 9};
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false);
    rig_frame(&in, "123#22", 0, 1000000 * S, false);
    rig_frame(&in, "123#33", 0, 100000000 * S, false);
    for (size_t i = 0; i < sizeof(digits) / sizeof(*digits); i++) {
        char *text = text_encode("trc1.1", &in, digits[i], text_two_buses, &length);
        assert_non_null(strstr(text, "\r\n     2) 1000000123."));
        assert_non_null(strstr(text, "\r\n     3) 100000000123."));
        text_read("trc", text, length, &out);
        assert_string_equal(out.error, "");
        assert_int_equal(out.count, 3);
        for (size_t n = 0; n < 3; n++)
            rig_same(&in.entries[n], &out.entries[n], 0, digits[i] == 9 ? 1 : MS / 10);
        free(text);
        rig_free(&out);
    }
    rig_free(&in);
    read_trc(before, &out);
    assert_string_equal(out.error, "");
    text_expect(&out, 1, UINT64_C(1701000000) * S, "can0", "123#22", false);
    rig_free(&out);
}

/* An error that the format has words for needs no note; every other one comes back with one. */
static void error_frames_survive_with_and_without_a_note(void **state)
{
    static const char *const formats[] = {"trc", "trc1.1"};
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_frame(&in, "20000088#0000041900000807", 0, 0, false);
    rig_frame(&in, "20000088#0000810200000000", 0, 1000000, false);
    for (size_t i = 0; i < 2; i++) {
        char *text = text_encode(formats[i], &in, 0, text_two_buses, &length);
        assert_null(strstr(text, "next is"));
        assert_non_null(strstr(text, i ? "  Error      0004  4  01 19 07 08\r\n"
                                       : " ER 1         - Rx -  5    04 01 19 07 08\r\n"));
        text_read("trc", text, length, &out);
        assert_int_equal(out.count, 2);
        for (size_t n = 0; n < 2; n++)
            rig_same(&in.entries[n], &out.entries[n], 0, MS / 10);
        free(text);
        rig_free(&out);
    }
    rig_frame(&in, "20000040#0000000000000000", 0, 2000000, true);
    rig_frame(&in, "20000088#00000419", 0, 3000000, false);
    for (size_t i = 0; i < 2; i++) {
        char *text = text_encode(formats[i], &in, 0, text_two_buses, &length);
        text_read("trc", text, length, &out);
        assert_int_equal(out.count, 4);
        for (size_t n = 0; n < 4; n++)
            rig_same(&in.entries[n], &out.entries[n], 0, MS / 10);
        free(text);
        rig_free(&out);
    }
    rig_free(&in);
}

static void losses_names_and_early_frames_survive(void **state)
{
    static const char *const formats[] = {"trc", "trc1.1"};
    static const char *const names[] = {"can2", "body", NULL};
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false);
    rig_add(&in,
            &(struct canring_trace_entry){
                .kind = CANRING_TRACE_LOST, .bus = 1, .lost = 7, .timestamp_ns = RIG_START_NS + 1});
    rig_frame(&in, "123#22", 1, 0, false);
    in.entries[2].timestamp_ns = RIG_START_NS - 5 * S;
    for (size_t i = 0; i < 2; i++) {
        char *text = text_encode(formats[i], &in, 9, names, &length);
        text_read("trc", text, length, &out);
        assert_string_equal(out.error, "");
        assert_int_equal(out.count, 3);
        for (size_t n = 0; n < 3; n++) {
            assert_int_equal(out.entries[n].kind, in.entries[n].kind);
            assert_int_equal(out.entries[n].lost, in.entries[n].lost);
            assert_int_equal(out.entries[n].timestamp_ns, in.entries[n].timestamp_ns);
            assert_string_equal(out.buses[out.entries[n].bus], names[in.entries[n].bus]);
        }
        free(text);
        rig_free(&out);
    }
    rig_free(&in);
}

static void our_files_mean_the_same_in_every_zone(void **state)
{
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false);
    text_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    char *text = text_encode("trc", &in, 9, text_two_buses, &length);
    assert_non_null(strstr(text, "Start time: 14.11.2023 23:13:20.000.0\r\n"));
    assert_non_null(strstr(text, ";$STARTTIME=45244.967592592592\r\n"));
    text_zone("EST5EDT");
    text_read("trc", text, length, &out);
    assert_int_equal(out.entries[0].timestamp_ns, RIG_START_NS);
    text_zone("UTC");
    free(text);
    rig_free(&in);
    rig_free(&out);
}

static void start_times_are_local(void **state)
{
    static const struct {
        const char *zone, *head;
        uint64_t time_ns;
        size_t damage;
        bool undated;
    } cases[] = {
        {"UTC", ";$STARTTIME=44548.6028595139", 1639837687 * S + 62 * MS, 0, false},
        {"CET-1", ";$STARTTIME=44548.6028595139", 1639834087 * S + 62 * MS, 0, false},
        {"UTC", ";$STARTTIME=39878.6772258947;", 1236356112 * S + 317300000, 0, false},
        {"UTC", ";$STARTTIME=45244", 1699920000 * S, 0, false},
        {"UTC", ";    Start time: 11.09.2002 16:00:20.682", 1031760020 * S + 682 * MS, 0, false},
        {"UTC", ";   Start time: 18.12.2021 14:28:07.062.0", 1639837687 * S + 62 * MS, 0, false},
        {"UTC", ";   Start time: whenever", 0, 0, true},
        {"UTC", ";$STARTTIME=12.5", 0, 1, false},
        {"EST5", ";$STARTTIME=25568.791666666666", 0, 0, false}, /* 1969-12-31 19:00 */
        {"EST5", ";   Start time: 31.12.1969 19:00:00.000.0", 0, 0, false},
        {"UTC", ";$STARTTIME=25568.791666666666", 0, 0, true}, /* of some zone in the west */
        {"UTC", ";   Start time: 31.12.1969 19:00:00.000.0", 0, 0, true},
        {"UTC", ";$STARTTIME=25567.999", 0, 1, false},
        {"UTC", ";$STARTTIME=x", 0, 1, false},
        {"UTC", ";   Message Number", 0, 0, true},
        {"UTC", "; canring: zero 1700000000.0", 1700000000 * S, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig_list out;
        char text[256];
        snprintf(text, sizeof(text), "%s\r\n     1)      1841      0001  0\r\n", cases[i].head);
        text_zone(cases[i].zone);
        read_trc(text, &out);
        assert_int_equal(out.damage, cases[i].damage);
        assert_int_equal(out.undated, cases[i].undated);
        text_expect(&out, 0, cases[i].time_ns + 1841 * MS, "can0", "001#", false);
        rig_free(&out);
    }
    text_zone("UTC");
}

/* The rows of PEAK's own examples. */
static void versions_1_0_to_1_3_are_read(void **state)
{
    static const char *const texts[] = {
        ";##########################################################################\r\n"
        ";   C:\\TraceFile.trc\r\n;    CAN activities recorded by PCAN Explorer\r\n"
        "     1)      1059      0300  7  00 00 00 00 04 00 00 \r\n"
        "     3)      1843  FFFFFFFF  4  00 00 00 04 -- -- -- --  BUSLIGHT \r\n"
        "     2)      1349      0008  4  ERROR 00 19 08 08 \r\n"
        "     4)      1352  00000100  3  RTR \r\n",
        ";$FILEVERSION=1.1 \r\n"
        "     1)      1059.0  Rx         0300  7  00 00 00 00 04 00 00 \r\n"
        "     5)      1346.8  Warng  FFFFFFFF  4  00 00 00 04  BUSLIGHT \r\n"
        "     6)      1349.0  Error      0008  4  00 19 08 08 \r\n"
        "     7)      1352.0  Rx     00000100  3  RTR \r\n",
        ";$FILEVERSION=1.2 \r\n"
        "     1)      1059.000  1  Rx         0300  7  00 00 00 00 04 00 00 \r\n"
        "     5)      1346.834  1  Warng  FFFFFFFF  4  00 00 00 04  BUSLIGHT \r\n"
        "     6)      1349.000  1  Error      0008  4  00 19 08 08 \r\n"
        "     7)      1352.000  1  Rx     00000100  3  RTR \r\n",
        ";$FILEVERSION=1.3 \r\n"
        "     1)      1059.000 1  Rx        0300 -  7    00 00 00 00 04 00 00 \r\n"
        "     5)      1346.834 1  Warng FFFFFFFF -  4    00 00 00 04  BUSLIGHT \r\n"
        "     6)      1349.000 1  Error     0008 -  4    00 19 08 08 \r\n"
        "     7)      1352.000 1  Rx    00000100 -  3    RTR \r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct rig_list out;
        read_trc(texts[i], &out);
        assert_string_equal(out.error, "");
        assert_int_equal(out.count, 3);
        text_expect(&out, 0, 1059 * MS, "can0", "300#00000000040000", false);
        text_expect(&out, 1, 1349 * MS, "can0", "20000088#0000801900000808", false);
        text_expect(&out, 2, 1352 * MS, "can0", "00000100#R3", false);
        rig_free(&out);
    }
}

static void versions_2_0_and_2_1_are_read(void **state)
{
    static const char *const texts[] = {
        ";$FILEVERSION=2.0 \r\n;$COLUMNS=N,O,T,I,d,l,D \r\n"
        "      5      1334.416 FD     0500 Tx 12 01 02 03 04 05 06 07 08 09 0A 0B 0C \r\n"
        "      6      1334.522 ER          Rx    04 00 02 00 00 \r\n"
        "      7      1334.531 ST          Rx    00 00 00 08 \r\n"
        "      8      1334.643 EC          Rx    02 02 \r\n"
        "      9      1335.156 DT 18EFC034 Tx 8  01 02 03 04 05 06 07 08 \r\n"
        "     10      1336.543 RR     0100 Rx 3 \r\n",
        ";$FILEVERSION=2.1 \r\n"
        "      5      1334.416 FD 1      0500 Tx -  9    01 02 03 04 05 06 07 08 09 0A 0B 0C \r\n"
        "      6      1334.522 ER 1         - Rx -  5    04 00 02 00 00 \r\n"
        "      7      1334.224 EV 1  User-defined event for bus 1 \r\n"
        "      8      1334.225 EV -  User-defined event for all busses \r\n"
        "      9      1334.231 ST 1         - Rx -  4    00 00 00 08 \r\n"
        "     11      1334.643 EC 1         - Rx -  2    02 02 \r\n"
        "     12      1335.156 DT 1  18EFC034 Tx -  8    01 02 03 04 05 06 07 08 \r\n"
        "     13      1336.543 RR 1      0100 Rx -  3 \r\n",
        /* Columns in an order of one's own. */
        ";$FILEVERSION=2.1\n;$COLUMNS=O,N,T,d,I,l,D\n"
        "1334.416 5 FD Tx 0500 12 01 02 03 04 05 06 07 08 09 0A 0B 0C\n"
        "1334.522 6 ER Rx 04 00 02 00 00\n1335.156 9 DT Tx 18EFC034 8 01 02 03 04 05 06 07 08\n"
        "1336.543 9 RR Rx 0100 3\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct rig_list out;
        read_trc(texts[i], &out);
        assert_string_equal(out.error, "");
        assert_int_equal(out.count, 4);
        text_expect(&out, 0, 1334416000, "can0", "500##40102030405060708090A0B0C", true);
        text_expect(&out, 1, 1334522000, "can0", "20000088#0000840200000000", false);
        text_expect(&out, 2, 1335156000, "can0", "18EFC034#0102030405060708", true);
        text_expect(&out, 3, 1336543000, "can0", "100#R3", false);
        rig_free(&out);
    }
}

static void flags_of_fd_and_fields_of_xl_are_read(void **state)
{
    struct rig_list out;

    (void)state;
    read_trc(";$FILEVERSION=3.0\r\n;$COLUMNS=N,O,T,B,I,d,R,V,S,A,r,s,L,D\r\n"
             "1 1.0 FD 1 300 Rx - - - - - - 1 11\r\n2 2.0 FB 2 300 Rx - - - - - - 0\r\n"
             "3 3.0 FE 3 300 Rx - - - - - - 1 11\r\n"
             "4 4.0 BI 65535 00000300 Tx - - - - - - 1 11\r\n"
             "5 5.0 XL 1 100 Tx - 0A 03 00000456 1 1 3 03 11 22 33\r\n",
             &out);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, 5);
    text_expect(&out, 0, 1 * MS, "can0", "300##411", false);
    text_expect(&out, 1, 2 * MS, "can1", "300##5", false);
    text_expect(&out, 2, 3 * MS, "can2", "300##611", false);
    text_expect(&out, 3, 4 * MS, "can65534", "00000300##711", true);
    text_expect(&out, 4, 5 * MS, "can0", "0A100#83:03:00000456#03112233", true);
    rig_free(&out);
}

static void damage_is_skipped_and_named_by_line(void **state)
{
    static const char *const damaged[] = {
        "2 1.0 DT 1 0123 Rx - 2 11",
        "2 1.0 DT 1 0123 Rx - 2 11 22 33",
        "2 1.0 DT 1 0123 Rx - 2 11 2",
        "2 1.0 DT 1 0123 Rx - 2 11 2g",
        "2 1.0 DT 1 0123 Rx - 16 11 22",
        "2 1.0 DT 1 0123 Rx - x 11 22",
        "2 1.0 DT 1 0800 Rx - 1 11",
        "2 1.0 DT 1 20000000 Rx - 1 11",
        "2 1.0 DT 1 0123 Qx - 1 11",
        "2 1.0 DT 0 0123 Rx - 1 11",
        "2 1.0 DT 65536 0123 Rx - 1 11",
        "2 1.0 DT - 0123 Rx - 1 11",
        "2 1.0 DQ 1 0123 Rx - 1 11",
        "2 1.q DT 1 0123 Rx - 1 11",
        "2 99999999999999999.0 DT 1 0123 Rx - 1 11",
        "2 -1800000000000.0 DT 1 0123 Rx - 1 11",
        "x 1.0 DT 1 0123 Rx - 1 11",
        "2 1.0 DT 1 0123 Rx",
        "2 1.0 RR 1 0123 Rx - 1 11",
        "2 1.0 RR 1 0123 Rx - 16",
        "2 1.0 FD 1 0123 Rx - 16 11",
        "2 1.0 FD 1 0123 Rx - 9 11",
        "2 1.0 ER 1 - Rx - 5 04 00 02 00",
        "2 1.0 ER 1 - Rx - 5 04 00 02 00 00 00",
        "2 1.0 ER 1 - Rx - 5 04 00 02 00 0x",
        "2",
        ";$FILEVERSION=9.9",
        ";$COLUMNS=N,O,T,B,I,d,R,L",
        ";$COLUMNS=N,O,T,B,I,d,R,L,D,A,B,C,D,E,F,G,H",
        ";$COLUMNS=NOTBI",
        ";   canring: lost 1 frame",
        ";   canring: next is 123#",
        "\x01\x02",
    };

    static const struct text_frame around = {
        .format = "trc",
        .before = ";$FILEVERSION=2.1\r\n1 0.1 DT 1 0123 Rx - 1 AA\r\n",
        .after = "\r\n3 0.3 DT 1 0123 Rx - 1 BB\r\n",
        .place = "text:3: ",
        .before_ns = 100000,
        .after_ns = 300000};

    (void)state;
    text_damage(&around, damaged, sizeof(damaged) / sizeof(*damaged));
}

static char *encode_all(const char *format, size_t *length)
{
    struct rig_list in = {0};

    rig_mixed(&in, false);
    for (int i = 0; strcmp(format, "trc1.1") == 0 && i < 6; i++)
        free(in.frames[--in.count]); /* the last are FD */
    rig_add(&in, &(struct canring_trace_entry){
                     .kind = CANRING_TRACE_LOST, .lost = 7, .timestamp_ns = RIG_START_NS});
    char *text = text_encode(format, &in, 0, text_two_buses, length);
    rig_free(&in);
    return text;
}

static void cut_files_are_read_to_the_cut(void **state)
{
    static const char *const formats[] = {"trc", "trc1.1"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t length;
        char *text = encode_all(formats[i], &length);
        text_cut_everywhere("trc", text, length);
        free(text);
    }
}

static void a_changed_byte_costs_its_own_line(void **state)
{
    size_t length;
    char *text = encode_all("trc", &length);

    (void)state;
    text_corrupt_randomly("trc", text, length, (size_t)(strstr(text, "---+--") - text) + 80, 3000);
    free(text);
}

static void content_tells_the_format(void **state)
{
    static const char text[] = ";$FILEVERSION=1.1\r\n";

    (void)state;
    assert_ptr_equal(cr_trace_format_by_content((const uint8_t *)text, sizeof(text) - 1),
                     &cr_trace_format_trc);
    assert_true(text_probed("trc", ";####\r\n;  x\r\n     1)      1841      0001  8  00\r\n") > 50);
    assert_true(text_probed("trc", ";\n;$STARTTIME=1") > 50);
    assert_int_equal(text_probed("trc", "(1.000000) can0 123#11\n"), 0);
    assert_int_equal(text_probed("trc", "date Tue Nov 14 10:13:20.000 pm 2023\n"), 0);
    assert_int_equal(text_probed("trc", "; a letter\n1) first 2) second\n"), 0);
    assert_int_equal(text_probed("trc", ""), 0);
    assert_ptr_equal(cr_trace_format_by_ending("a.TRC"), &cr_trace_format_trc);
}

static void recordings_of_others_are_read(void **state)
{
    struct rig_list out;

    (void)state;
    text_read_others("pycan-test_CanMessage_V1_1.trc", &out);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, 11);
    text_expect(&out, 10, 1639837735 * S + 999600000, "can0", "704#R1", false);
    rig_free(&out);
    /* Its last row has no newline, so that its length may be more than 1. */
    text_read_others("pycan-test_CanMessage_V2_1.trc", &out);
    assert_int_equal(out.damage, 1);
    assert_int_equal(out.count, 10);
    text_expect(&out, 9, 1639837708 * S + 159100000, "can0", "00000100#0000000000000000", true);
    rig_free(&out);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_frames_survive_a_round_trip),
        cmocka_unit_test(old_files_hold_all_but_fd),
        cmocka_unit_test(nine_digits_keep_nanoseconds),
        cmocka_unit_test(files_look_like_peaks),
        cmocka_unit_test(long_times_of_old_files_are_apart_from_numbers),
        cmocka_unit_test(error_frames_survive_with_and_without_a_note),
        cmocka_unit_test(losses_names_and_early_frames_survive),
        cmocka_unit_test(our_files_mean_the_same_in_every_zone),
        cmocka_unit_test(start_times_are_local),
        cmocka_unit_test(versions_1_0_to_1_3_are_read),
        cmocka_unit_test(versions_2_0_and_2_1_are_read),
        cmocka_unit_test(flags_of_fd_and_fields_of_xl_are_read),
        cmocka_unit_test(damage_is_skipped_and_named_by_line),
        cmocka_unit_test(cut_files_are_read_to_the_cut),
        cmocka_unit_test(a_changed_byte_costs_its_own_line),
        cmocka_unit_test(content_tells_the_format),
        cmocka_unit_test(recordings_of_others_are_read),
    };
    if (argc > 1)
        return text_command(argc, argv) ? 2 : 0;
    return cmocka_run_group_tests(tests, text_make_dir, text_remove_dir);
}
