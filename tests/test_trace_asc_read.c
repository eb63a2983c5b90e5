/* Vector's ASC as others write it. */
#include "trace_text_rig.h"

#define S UINT64_C(1000000000)

/* Zero of HEAD, in UTC. */
#define ZERO (1700000000 * S)

#define HEAD                                                                                       \
    "date Tue Nov 14 10:13:20.000 pm 2023\nbase hex  timestamps absolute\n"                        \
    "internal events logged\n// version 13.0.0\n"

static void read_asc(const char *text, struct rig_list *out)
{
    text_read("asc", text, strlen(text), out);
}

/* Entry `i` is this frame, in candump's words, this long after ZERO. */
static void expect(const struct rig_list *list, size_t i, uint64_t after_ns, const char *bus,
                   const char *frame, bool tx)
{
    text_expect(list, i, ZERO + after_ns, bus, frame, tx);
}

static void dates_are_local_time_in_many_forms(void **state)
{
    static const struct {
        const char *zone, *date;
        uint64_t time_ns; /* 0: not understood */
    } cases[] = {
        {"UTC", "Tue Nov 14 10:13:20.123 pm 2023", 1700000000 * S + 123000000},
        {"UTC", "Tue Nov 14 22:13:20.123 2023", 1700000000 * S + 123000000},
        {"UTC", "Tue Nov 14 22:13:20 2023", 1700000000 * S},
        {"CET-1", "Tue Nov 14 11:13:20.000 PM 2023", 1700000000 * S},
        {"UTC", "Mon Jan 1 12:00:00.000 am 2024", 1704067200 * S},
        {"UTC", "Mon Jan 1 12:30:00.5 pm 2024", 1704112200 * S + 500000000},
        {"UTC", "Sam Sep 30 15:06:13.191 2017", 1506783973 * S + 191000000},
        {"UTC", "Don M\xe4r 1 00:00:00.000 2018", 1519862400 * S},
        {"UTC", "Don M\xc3\xa4r 1 00:00:00.000 2018", 1519862400 * S},
        {"UTC", "Die Mai 1 00:00:00.000 2018", 1525132800 * S},
        {"UTC", "Mon Okt 1 00:00:00.000 2018", 1538352000 * S},
        {"UTC", "Sam Dez 1 00:00:00.000 2018", 1543622400 * S},
        {"UTC",
         "sam. d\xc3\xa9"
         "c. 1 00:00:00.000 2018",
         1543622400 * S},
        {"UTC", "Tue Brumaire 14 10:13:20 2023", 0},
        {"UTC", "Tue Nov 14 2023", 0},
        {"UTC", "Tue Nov 14 25:13:20 2023", 0},
        {"UTC", "Thu Feb 29 00:00:00 2024", 1709164800 * S},
        {"UTC", "Wed Feb 29 00:00:00 2023", 0},
        {"UTC", "Fri Feb 30 00:00:00 2024", 0},
        {"UTC", "Tue Apr 31 00:00:00 2024", 0},
        {"UTC", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig_list out;
        char text[256];
        snprintf(text, sizeof(text), "date %s\r\nbase hex\r\n   0.25 1  123 Rx d 1 11\r\n",
                 cases[i].date);
        text_zone(cases[i].zone);
        read_asc(text, &out);
        assert_int_equal(out.damage, cases[i].time_ns == 0);
        assert_int_equal(out.count, 1);
        assert_int_equal(out.entries[0].timestamp_ns, cases[i].time_ns + 250000000);
        rig_free(&out);
    }
    text_zone("UTC");
}

static void classic_events_are_read(void **state)
{
    struct rig_list out;

    (void)state;
    read_asc(HEAD "   0.000001 1  123             Rx   d 8 11 22 33 44 55 66 77 88  Length = 0 "
                  "BitCount = 0 ID = 291\n"
                  "   0.0001 2  12345678x       Tx   d 3 11 22 33\n"
                  "0.000201 1 7ff Rx r\n"
                  "0.000202 1 7FF Tx r 4\n"
                  "0.000203 1 7FF Tx r Length = 1704000 BitCount = 145 ID = 88888888x\n"
                  "0.000204 1 7FF TxRq d 1 11\n"
                  "0.000205 1 7FF Rx d f 01 02 03 04 05 06 07 08\n"
                  "0.000206 1 7FF Rx r 9\n"
                  "\t0.000207 16 0x Rx d 0\r\n"
                  "0.000208123456 1 0 Rx d 0 \n",
             &out);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, 9);
    expect(&out, 0, 1000, "can0", "123#1122334455667788", false);
    expect(&out, 1, 100000, "can1", "12345678#112233", true);
    expect(&out, 2, 201000, "can0", "7FF#R", false);
    expect(&out, 3, 202000, "can0", "7FF#R4", true);
    expect(&out, 4, 203000, "can0", "7FF#R", true);
    expect(&out, 5, 205000, "can0", "7FF#0102030405060708_F", false);
    expect(&out, 6, 206000, "can0", "7FF#R8_9", false);
    expect(&out, 7, 207000, "can15", "00000000#", false);
    expect(&out, 8, 208123, "can0", "000#", false);
    rig_free(&out);
}

static void numbers_may_be_decimal(void **state)
{
    struct rig_list out;

    (void)state;
    read_asc("date Tue Nov 14 10:13:20.000 pm 2023\nbase dec  timestamps absolute\n"
             "0.000001 1 291 Rx d 8 0 1 10 100 255 06 7 8\n"
             "0.000002 1 305419896x Rx d 1 17\n"
             "0.000003 1 2048 Rx d 1 17\n"
             "0.000004 1 12 Rx d 1 256\n",
             &out);
    assert_int_equal(out.damage, 2);
    assert_int_equal(out.count, 2);
    expect(&out, 0, 1000, "can0", "123#00010A64FF060708", false);
    expect(&out, 1, 2000, "can0", "12345678#11", false);
    rig_free(&out);
}

static void relative_times_add_up_over_all_events(void **state)
{
    struct rig_list out;

    (void)state;
    read_asc("date Tue Nov 14 10:13:20.000 pm 2023\nbase hex  timestamps relative\n"
             "Begin Triggerblock Tue Nov 14 10:13:20.000 pm 2023\n"
             "   0.000000 Start of measurement\n"
             "   0.1 1  123 Rx d 0\n   0.1 1  Statistic: D 2 R 0 XD 0 XR 0 E 0 O 0 B 0.04%\n"
             "   0.1 1  123 Rx d 0\n   0.000001 1 123 Rx d 0\nEnd TriggerBlock\n",
             &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 3);
    expect(&out, 0, 100000000, "can0", "123#", false);
    expect(&out, 1, 300000000, "can0", "123#", false);
    expect(&out, 2, 300001000, "can0", "123#", false);
    rig_free(&out);
}

/* A sum past what 64 bits hold was told as a line without a time, and times behind it were wrong.
 */
static void relative_times_past_2262_are_told_as_that(void **state)
{
    struct rig_list out;

    (void)state;
    read_asc("base hex  timestamps relative\n   9000000000 1  123 Rx d 0\n"
             "   9000000000 1  123 Rx d 0\n   1.5 1  123 Rx d 0\n",
             &out);
    assert_int_equal(out.damage, 1);
    assert_non_null(strstr(out.error, "text:3: a time that adds up with those before it"));
    assert_int_equal(out.count, 2);
    text_expect(&out, 1, 9000000001 * S + 500000000, "can0", "123#", false);
    rig_free(&out);
}

/* Only the end of a line was counted: the first one was line 0. */
static void overlong_lines_have_their_number(void **state)
{
    size_t length = 3 * CR_TRACE_WINDOW;
    char *text = calloc(1, length);
    struct rig_list out;

    (void)state;
    assert_non_null(text);
    text_read("candump", text, length, &out);
    assert_int_equal(out.damage, 1);
    assert_non_null(strstr(out.error, "text:1: a line longer than any frame's"));
    rig_free(&out);
    memcpy(text, "(1.0) can0 123#11\n", 18);
    text[length - 1] = '\n';
    text_read("candump", text, length, &out);
    assert_int_equal(out.count, 1);
    assert_non_null(strstr(out.error, "text:2: a line longer than any frame's"));
    rig_free(&out);
    free(text);
}

static void error_frames_of_all_kinds_are_read(void **state)
{
    static const char plain[] = "20000080#0000000000000000";
    struct rig_list out;

    (void)state;
    read_asc(HEAD "0.1 1 ErrorFrame\n0.2 2  ErrorFrame ECC: 10100010\n"
                  "0.3 1 ErrorFrame Flags = 0xe CodeExt = 0x20a2 Code = 0x82 ID = 0 DLC = 0 "
                  "Position = 5 Length = 11300\n"
                  "0.4 CANFD 5 Tx ErrorFrame Not Acknowledge error, dominant error flag fffe c7\n"
                  "// canring: next is 20000004#0010000000000000 Tx\n0.5 1 ErrorFrame\n"
                  "// canring: next is 20000004#0010000000000000\n0.6 1 123 Rx d 0\n"
                  "0.7 1 ErrorFrame\n",
             &out);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, 7);
    expect(&out, 0, 100000000, "can0", plain, false);
    expect(&out, 1, 200000000, "can1", plain, false);
    expect(&out, 2, 300000000, "can0", plain, false);
    expect(&out, 3, 400000000, "can4", plain, false);
    expect(&out, 4, 500000000, "can0", "20000004#0010000000000000", true);
    expect(&out, 5, 600000000, "can0", "123#", false);
    expect(&out, 6, 700000000, "can0", plain, false); /* the note was for the one before */
    rig_free(&out);
}

static void fd_events_hold_frames_of_both_kinds(void **state)
{
    struct rig_list out;

    (void)state;
    read_asc(HEAD "0.1 CANFD   2 Rx        300  Generic_Name_12                  1 0 8  8 01 02 "
                  "03 04 05 06 07 08   102203  133   303000 e0006659 46500250 4b140250 20011736 1\n"
                  "0.2 CANFD   3 Tx     50005x                                0 0 5 0 140000 73 "
                  "200050 7a60 46500250 460a0250 20011736 20010205\n"
                  "0.3 CANFD   1 Rx 123 0 1 9 12 01 02 03 04 05 06 07 08 09 0a 0B 0c 0 0 5000 0\n"
                  "0.4 CANFD   1 Rx 123 0 0 2 2 01 02 0 0 200040 0 0 0 0 0\n"
                  "0.5 CANFD   1 Rx 123 0 0 e 8 01 02 03 04 05 06 07 08 0 0 0 0\n"
                  "0.6 CANFD   1 Rx 123 1 1 0 0 0 0 7000 0 0 0 0 0\n"
                  "0.7 CANFD   1 TxRq 123 1 1 0 0 0 0 7000 0 0 0 0 0\n",
             &out);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, 6);
    expect(&out, 0, 100000000, "can1", "300##50102030405060708", false);
    expect(&out, 1, 200000000, "can2", "00050005#R5", true);
    expect(&out, 2, 300000000, "can0", "123##60102030405060708090A0B0C", false);
    expect(&out, 3, 400000000, "can0", "123#0102", false);
    expect(&out, 4, 500000000, "can0", "123#0102030405060708_E", false);
    expect(&out, 5, 600000000, "can0", "123##7", false);
    rig_free(&out);
}

/* Lines as can-utils' log2asc writes them, and as its asc2log has them for examples. */
static void xl_events_hold_frames_of_all_kinds(void **state)
{
    static const char timing[] = " 000000050005000e 0000000000a00010 0000000a000a001d "
                                 "0000000000a00002 000000100010000f 000000000a00001\n";
    struct rig_list out;
    char text[4096];

    (void)state;
    snprintf(text, sizeof(text),
             "%s0.1 CANXL   2 Rx   XLFF   984438   4656      432  msgCanXlTest1 e0 0  003  4 1 "
             "1f96 45 12345678 e1 89 e8 c2 12cfbd62 02403000 00000000%s"
             "0.2 CANXL   1 Tx   XLFF   984438   4656         1 05 1 0 1 1 1f96 00 00000001 FF "
             "123123 01c03000 00000000%s"
             "0.3 CANXL   2 Rx   FBFF   243215   176      432  msgCanFDTest2 9 12 e1 89 e8 c2 b9 "
             "6d 5a f1 11 22 33 44 a 12345 00003240 00000000%s"
             "0.4 CANXL   2 Rx   CEFF   243215   176      432x  f 8 e1 89 e8 c2 b9 6d 5a f1 174 "
             "00000000 00000000%s"
             "0.5 CANXL   2 Rx   CBFF   243215   176      432  name 4 0 174 00000010 00000000%s",
             HEAD, timing, timing, timing, timing, timing);
    read_asc(text, &out);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, 5);
    expect(&out, 0, 100000000, "can1", "45432#80:E0:12345678#E189E8C2", false);
    expect(&out, 1, 200000000, "can0", "00001#83:05:00000001#FF", true);
    expect(&out, 2, 300000000, "can1", "432##5E189E8C2B96D5AF111223344", false);
    expect(&out, 3, 400000000, "can1", "00000432#E189E8C2B96D5AF1_F", false);
    expect(&out, 4, 500000000, "can1", "432#R4", false);
    rig_free(&out);
}

static void all_that_is_no_frame_is_passed_over(void **state)
{
    struct rig_list out;

    (void)state;
    read_asc(HEAD "//0.000000 previous log file: other.asc\n\n   \n"
                  "Begin Triggerblock Tue Nov 14 10:13:20.000 pm 2023\n"
                  "   0.000000 Start of measurement\n   0.0 Beginn der Messung\n"
                  "   0.015991 CAN 1 Status:chip status error passive - TxErr: 132 RxErr: 0\n"
                  "   1.015991 1  Statistic: D 0 R 0 XD 0 XR 0 E 0 O 0 B 0.00%\n"
                  "   3.297743 1  J1939TP FEE3p  6    0  0   -   Rx   d 23 A0 0F A6 60\n"
                  "   3.3 SV: 2 0 1 ::Panel::Start = 1\n   3.4 Comment: a frame 1 123 Rx d 0\n"
                  "// 3.5 1 123 Rx d 0\n// somebody: lost 7 frames\n   3.6 ERROR\n"
                  "End TriggerBlock\n",
             &out);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, 0);
    assert_false(out.unfinished);
    rig_free(&out);
}

static void times_start_over_with_a_block_that_does(void **state)
{
    struct rig_list out;

    (void)state;
    /* The block's date is another one, and its times begin: they count from there. */
    read_asc(HEAD "Begin Triggerblock Tue Nov 14 10:14:20.000 pm 2023\n0.0 Start of measurement\n"
                  "1.0 1 123 Rx d 0\nEnd TriggerBlock\n"
                  /* A later block whose times go on. */
                  "Begin Triggerblock Tue Nov 14 10:15:20.000 pm 2023\n60.0 1 123 Rx d 0\n"
                  "End TriggerBlock\n"
                  /* Another measurement. */
                  "Begin Triggerblock Tue Nov 14 11:13:20.000 pm 2023\n0.0 1 123 Rx d 0\n",
             &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 3);
    expect(&out, 0, 61 * S, "can0", "123#", false);
    expect(&out, 1, 120 * S, "can0", "123#", false);
    expect(&out, 2, 3600 * S, "can0", "123#", false);
    rig_free(&out);
    /* Triggered late: times count from the measurement's start. */
    read_asc(HEAD "Begin Triggerblock Tue Nov 14 10:14:20.000 pm 2023\n60.5 1 123 Rx d 0\n", &out);
    expect(&out, 0, 60 * S + 500000000, "can0", "123#", false);
    rig_free(&out);
}

static void damage_is_skipped_and_named_by_line(void **state)
{
    static const char *const damaged[] = {
        "0.2 1 123 Rx d 8 11 22 33",
        "0.2 1 123 Rx d 2 11 22 33",
        "0.2 1 123 Rx d 2 11 2",
        "0.2 1 123 Rx d 2 11 2g",
        "0.2 1 123 Rx d 2 1122",
        "0.2 1 123 Rx d",
        "0.2 1 123 Rx d 10",
        "0.2 1 123 Rx d g",
        "0.2 1 123 Rx r x",
        "0.2 1 123 Rx e 1 11",
        "0.2 1 123 Qx d 1 11",
        "0.2 1 800 Rx d 1 11",
        "0.2 1 20000000x Rx d 1 11",
        "0.2 1 12Q Rx d 1 11",
        "0.2 0 123 Rx d 1 11",
        "0.2 65536 123 Rx d 1 11",
        "0.2 1",
        "0.2",
        "0.2.3 1 123 Rx d 1 11",
        "0x2 1 123 Rx d 1 11",
        ".2 1 123 Rx d 1 11",
        "99999999999999999999.2 1 123 Rx d 1 11",
        "-1800000000.0 1 123 Rx d 1 11",
        "0.2 CANFD 1 Rx",
        "0.2 CANFD 1 Rx 123 1 0 9",
        "0.2 CANFD 1 Rx 123 1 0 9 12 11 22 0 0 3000",
        "0.2 CANFD 1 Rx 123 1 0 1 1 11",
        "0.2 CANFD 1 Rx 123 1 0 9 11 01 02 03 04 05 06 07 08 09 0a 0B 0 0 3000 0",
        "0.2 CANFD 1 Rx 123 0 0 4 2 11 22 0 0 0",
        "0.2 CANFD 1 Rx 123 0 0 2 2 11 22 0 0 10",
        "0.2 CANXL 1 Rx XLFF 0 0 123 00 1 3 5 0 0 45 12345678 11 22 33 44 55 0 01403000 0",
        "0.2 CANXL 1 Rx XLFF 0 0 923 00 1 3 4 0 0 45 12345678 11 22 33 44 0 01403000 0",
        "0.2 CANXL 1 Rx XLFF 0 0 123 00 1 3 4 0 0 45 12345678 11 22 33 44 0 01003000 0",
        "0.2 CANXL 1 Rx QLFF 0 0 123 00 1 3 4 0 0 45 12345678 11 22 33 44 0 01403000 0",
        "// canring: lost x frames on channel 1 at 0.0",
        "// canring: lost 7 frames on channel 0 at 0.0",
        "// canring: next is 123#",
        "// canring: next is 2000008",
        "// canring: what is this",
        "\x01\x02\x03",
    };

    static const struct text_frame around = {.format = "asc",
                                             .before = HEAD "0.1 1 123 Rx d 1 AA\n",
                                             .after = "\n0.3 1 123 Rx d 1 BB\n",
                                             .place = "text:6: ",
                                             .before_ns = ZERO + 100000000,
                                             .after_ns = ZERO + 300000000};

    (void)state;
    text_damage(&around, damaged, sizeof(damaged) / sizeof(*damaged));
}

static void an_endless_line_is_skipped(void **state)
{
    size_t length = 3 * CR_TRACE_WINDOW;
    char *text = malloc(length + 200);
    struct rig_list out;

    (void)state;
    assert_non_null(text);
    static const char tail[] = "\n0.5 1 123 Rx d 0\n";
    size_t head = strlen(HEAD);
    memcpy(text, HEAD, head);
    memset(text + head, '1', length);
    memcpy(text + head + length, tail, sizeof(tail));
    read_asc(text, &out);
    assert_int_equal(out.damage, 1);
    assert_int_equal(out.count, 1);
    expect(&out, 0, 500000000, "can0", "123#", false);
    free(text);
    rig_free(&out);
}

static void content_tells_the_format(void **state)
{
    (void)state;
    assert_ptr_equal(cr_trace_format_by_content((const uint8_t *)HEAD, strlen(HEAD)),
                     &cr_trace_format_asc);
    assert_true(text_probed("asc", "// a comment\r\n\r\nbase dec timestamps relative\r\n") > 50);
    assert_true(text_probed("asc", "date Sam Sep 30 15:06:13.191 2017") > 50);
    assert_int_equal(text_probed("asc", "(1.000000) can0 123#11\n"), 0);
    assert_int_equal(text_probed("asc", ";$FILEVERSION=1.1\n"), 0);
    assert_int_equal(text_probed("asc", "Dear all,\ndate and time follow\n"), 0);
    assert_int_equal(text_probed("asc", "base camp\n"), 0);
    assert_int_equal(text_probed("asc", ""), 0);
}

static void a_file_without_a_date_says_so(void **state)
{
    static const char event[] = " 5.5 1 123 Rx d 1 AA\n";
    static const struct {
        const char *head;
        uint64_t zero_ns;
        bool undated;
    } cases[] = {
        {"base hex timestamps absolute\n", 0, true},
        {"base hex timestamps absolute\nBegin TriggerBlock\n", 0, true},
        {"base hex timestamps absolute\nBegin TriggerBlock Tue Nov 14 10:13:20.000 pm 2023\n", ZERO,
         false},
        {"date Tue Nov 14 10:13:20.000 pm 2023\nbase hex timestamps absolute\n", ZERO, false},
        {"base hex timestamps absolute\n// canring: zero 1700000000.0\n", ZERO, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig_list out;
        char text[256];
        snprintf(text, sizeof(text), "%s%s", cases[i].head, event);
        read_asc(text, &out);
        assert_int_equal(out.damage, 0);
        assert_int_equal(out.undated, cases[i].undated);
        text_expect(&out, 0, cases[i].zero_ns + 5500000000, "can0", "123#AA", false);
        rig_free(&out);
    }
}

static void a_byte_order_mark_is_skipped(void **state)
{
    struct rig_list out;

    (void)state;
    for (int named = 0; named < 2; named++) {
        const char text[] = "\xef\xbb\xbf" HEAD "0.1 1 123 Rx d 1 AA\n0.2 1 123 Rx d 9\n";
        text_read(named ? "asc" : NULL, text, strlen(text), &out);
        assert_int_equal(out.damage, 1);
        assert_non_null(strstr(out.error, "text:6: "));
        assert_int_equal(out.count, 1);
        expect(&out, 0, 100000000, "can0", "123#AA", false);
        rig_free(&out);
    }
}

static void recordings_of_others_are_read(void **state)
{
    static const struct {
        const char *name;
        size_t frames;
    } files[] = {
        {"pycan-logfile.asc", 20},
        {"pycan-logfile_errorframes.asc", 12},
        {"pycan-test_CanFdMessage.asc", 3},
        {"pycan-test_CanMessage.asc", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct rig_list out;
        text_read_others(files[i].name, &out);
        assert_string_equal(out.error, "");
        assert_int_equal(out.count, files[i].frames);
        assert_false(out.unfinished);
        rig_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_local_time_in_many_forms),
        cmocka_unit_test(classic_events_are_read),
        cmocka_unit_test(numbers_may_be_decimal),
        cmocka_unit_test(relative_times_add_up_over_all_events),
        cmocka_unit_test(relative_times_past_2262_are_told_as_that),
        cmocka_unit_test(overlong_lines_have_their_number),
        cmocka_unit_test(error_frames_of_all_kinds_are_read),
        cmocka_unit_test(fd_events_hold_frames_of_both_kinds),
        cmocka_unit_test(xl_events_hold_frames_of_all_kinds),
        cmocka_unit_test(all_that_is_no_frame_is_passed_over),
        cmocka_unit_test(times_start_over_with_a_block_that_does),
        cmocka_unit_test(damage_is_skipped_and_named_by_line),
        cmocka_unit_test(an_endless_line_is_skipped),
        cmocka_unit_test(content_tells_the_format),
        cmocka_unit_test(a_file_without_a_date_says_so),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(recordings_of_others_are_read),
    };
    return cmocka_run_group_tests(tests, text_make_dir, text_remove_dir);
}
