/* Times of a BLF: ticks, the start they count from, and what is out of reach. */
#include "blf_objects_rig.h"

static void ticks_may_be_10_us_and_negative(void **state)
{
    struct rig_list out;
    uint8_t *body;

    (void)state;
    begin();
    static const struct {
        uint32_t flags;
        int64_t ticks;
    } times[] = {{BLF_TICKS_10US, 5}, {BLF_TICKS_10US, -5}, {BLF_TICKS_1NS, -7}, {0, 9}};
    for (size_t i = 0; i < 4; i++) {
        body = message(0x123, 0) - BLF_OBJECT_HEADER;
        blf_put32(body + BLF_OBJECT_FLAGS, times[i].flags);
        blf_put64(body + BLF_OBJECT_TIME, (uint64_t)times[i].ticks);
    }
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 4);
    assert_int_equal(out.entries[0].timestamp_ns, START_NS + 50000);
    assert_int_equal(out.entries[1].timestamp_ns, START_NS - 50000);
    assert_int_equal(out.entries[2].timestamp_ns, START_NS - 7);
    assert_int_equal(out.entries[3].timestamp_ns, START_NS + 9);
    rig_free(&out);
}

static void times_out_of_reach_are_damage(void **state)
{
    static const struct {
        uint32_t flags;
        int64_t ticks;
    } times[] = {{BLF_TICKS_10US, INT64_C(1) << 62},
                 {BLF_TICKS_1NS, INT64_MAX},
                 {BLF_TICKS_1NS, -(int64_t)START_NS - 1}};
    struct rig_list out;

    (void)state;
    begin();
    for (size_t i = 0; i < 3; i++) {
        uint8_t *body = message(0x123, 0) - BLF_OBJECT_HEADER;
        blf_put32(body + BLF_OBJECT_FLAGS, times[i].flags);
        blf_put64(body + BLF_OBJECT_TIME, (uint64_t)times[i].ticks);
    }
    object(BLF_DATA_LOST_END, 16, BLF_TICKS_1NS, INT64_MAX);
    message(0x222, 1);
    read_objects(&out);
    assert_int_equal(out.damage, 4);
    assert_non_null(
        strstr(out.error, "byte 144: in this container: a time before 1970, or after 2262"));
    assert_int_equal(out.count, 1);
    assert_int_equal(out.entries[0].timestamp_ns, START_NS);
    is_frame(&out, 0, "222#01");
    rig_free(&out);
}

static void a_header_without_a_date_begins_at_zero(void **state)
{
    struct rig_list out;

    (void)state;
    begin();
    memset(file + BLF_HEADER_START, 0, 16);
    message(0x111, 1);
    read_objects(&out);
    assert_int_equal(out.damage, 0);
    assert_true(out.undated);
    assert_int_equal(out.entries[0].timestamp_ns, 0);
    rig_free(&out);
}

static void a_start_that_is_no_date_is_told_and_times_count_from_1970(void **state)
{
    static const uint16_t dates[][8] = {
        {2023, 13, 0, 1, 0, 0, 0, 0}, {2023, 0, 0, 1, 0, 0, 0, 0},  {2023, 2, 0, 30, 0, 0, 0, 0},
        {2023, 2, 0, 29, 0, 0, 0, 0}, {2023, 1, 0, 0, 0, 0, 0, 0},  {2023, 1, 0, 1, 25, 0, 0, 0},
        {2023, 1, 0, 1, 0, 60, 0, 0}, {2023, 1, 0, 1, 0, 0, 61, 0}, {2023, 1, 0, 1, 0, 0, 0, 1000},
        {2262, 1, 0, 1, 0, 0, 0, 0},  {0, 0, 0, 0, 0, 0, 0, 1},
    };
    struct rig_list out;

    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
        begin();
        for (size_t field = 0; field < 8; field++)
            blf_put16(file + BLF_HEADER_START + 2 * field, dates[i][field]);
        blf_put64(message(0x111, 1) - BLF_OBJECT_HEADER + BLF_OBJECT_TIME, 5);
        read_objects(&out);
        assert_int_equal(out.damage, 1);
        assert_non_null(strstr(out.error, "byte 40: a start time that is not understood: times "
                                          "count from 1970"));
        assert_int_equal(out.count, 1);
        assert_int_equal(out.entries[0].timestamp_ns, 5);
        assert_false(out.undated); /* it was told as damage */
        rig_free(&out);
    }
}

static void a_start_before_1970_is_one(void **state)
{
    static const uint16_t date[8] = {1969, 12, 0, 31, 23, 59, 58, 0};
    struct rig_list out;

    (void)state;
    begin();
    for (size_t field = 0; field < 8; field++)
        blf_put16(file + BLF_HEADER_START + 2 * field, date[field]);
    for (unsigned second = 1; second < 4; second++)
        blf_put64(message(second, 1) - BLF_OBJECT_HEADER + BLF_OBJECT_TIME, second * 1000000000ull);
    read_objects(&out);
    assert_int_equal(out.damage, 1); /* what was one second before 1970 */
    assert_int_equal(out.count, 2);
    assert_int_equal(out.entries[0].timestamp_ns, 0);
    assert_int_equal(out.entries[1].timestamp_ns, 1000000000);
    rig_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_may_be_10_us_and_negative),
        cmocka_unit_test(times_out_of_reach_are_damage),
        cmocka_unit_test(a_header_without_a_date_begins_at_zero),
        cmocka_unit_test(a_start_that_is_no_date_is_told_and_times_count_from_1970),
        cmocka_unit_test(a_start_before_1970_is_one),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
