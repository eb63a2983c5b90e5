#include "check.h"

#include <canring/filter.h>
#include <errno.h>
#include <stdio.h>

#include "can/filter_compiled.h"

static uint64_t seed;

static uint32_t random_u32(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 32);
}

static struct canring_frame frame_of(uint32_t id)
{
    struct canring_frame frame;
    canring_frame_classic(&frame, id, NULL, 0);
    return frame;
}

static bool accepts(const char *text, uint32_t id)
{
    struct canring_filters filters;
    struct canring_error err = {0};
    struct canring_frame frame = frame_of(id);
    assert_int_equal(canring_filters_parse(&filters, text, &err), 0);
    bool yes = canring_filters_match(&filters, &frame);
    canring_filters_free(&filters);
    return yes;
}

static void assert_refused(const char *text, const char *words)
{
    struct canring_filters filters;
    struct canring_error err = {0};
    assert_int_equal(canring_filters_parse(&filters, text, &err), -EINVAL);
    assert_int_equal(canring_filters_parse(&filters, text, NULL), -EINVAL);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_null(filters.list);
}

static void empty_list_accepts_data_and_remote_but_no_error_frames(void **state)
{
    (void)state;
    assert_true(accepts("", 0x123));
    assert_true(accepts("", 0x12345678 | CANRING_ID_EXTENDED));
    assert_true(accepts("", 0x123 | CANRING_ID_REMOTE));
    assert_false(accepts("", CANRING_ID_ERROR | 0x80));
}

static void candump_manual_examples_mean_what_it_says(void **state)
{
    (void)state;
    assert_true(accepts("123:7FF", 0x123));
    assert_true(accepts("123:7FF", 0x123 | CANRING_ID_REMOTE));
    assert_true(accepts("123:7FF", 0x123 | CANRING_ID_EXTENDED));
    assert_false(accepts("123:7FF", 0x124));
    assert_true(accepts("123:C00007FF", 0x123));
    assert_false(accepts("123:C00007FF", 0x123 | CANRING_ID_REMOTE));
    assert_false(accepts("123:C00007FF", 0x123 | CANRING_ID_EXTENDED));
    assert_true(accepts("12345678:DFFFFFFF", 0x12345678 | CANRING_ID_EXTENDED));
    assert_false(accepts("12345678:DFFFFFFF", 0x12345679 | CANRING_ID_EXTENDED));
    assert_false(accepts("00000123:DFFFFFFF", 0x123));
    assert_true(accepts("400~7F0", 0x410));
    assert_false(accepts("400~7F0", 0x40f));
    /* Bit 20000000 of the identifier is the kernel's '~'. */
    assert_false(accepts("20000000:20000000", 0x123));
    assert_true(accepts("20000400:7F0", 0x410));
    assert_false(accepts("20000400:7F0", 0x40f));
}

static void error_frames_are_chosen_by_class_alone(void **state)
{
    (void)state;
    assert_true(accepts("0~0,#FFFFFFFF", CANRING_ID_ERROR | 0x80));
    assert_false(accepts("0~0,#FFFFFFFF", 0x123));
    assert_true(accepts("#80", CANRING_ID_ERROR | 0x84));
    assert_false(accepts("#40", CANRING_ID_ERROR | 0x84));
    assert_true(accepts("#40", 0x7ff)); /* no filter: data passes */
    assert_false(accepts("0:0", CANRING_ID_ERROR | 0x80));
}

static void join_asks_every_filter(void **state)
{
    (void)state;
    assert_true(accepts("400~7F0,500~7F0,j", 0x123));
    assert_false(accepts("400~7F0,500~7F0,j", 0x400));
    assert_true(accepts("400~7F0,500~7F0", 0x400));
    assert_false(accepts("J,400~7F0,500~7F0", 0x50a));
    assert_true(accepts("j", 0x123));
}

static void damaged_lists_are_refused_with_the_column(void **state)
{
    (void)state;
    assert_refused("123", "column 4: found the end, allowed: ':' or '~'");
    assert_refused("123:7FF,", "column 9: found the end");
    assert_refused("123:7FF,xyz", "column 9: found 'x'");
    assert_refused("123:", "column 5: found the end, allowed: a mask");
    assert_refused("123456789:7FF", "column 1: 9 hexadecimal digits, allowed: 1 to 8");
    assert_refused("123:7FF 456:7FF", "column 8: found ' ', allowed: ','");
    assert_refused("#", "column 2: found the end, allowed: an error mask");
    assert_refused(",", "column 1: found ','");
    assert_refused("123:7FF\x01", "column 8: found byte 0x01");
}

static void xl_frames_match_by_priority(void **state)
{
    (void)state;
    struct canring_filters filters;
    union canring_frame_buffer xl = {.frame = {.size = 33, .flags = CANRING_XL, .id = 0x123}};
    assert_int_equal(canring_filters_parse(&filters, "123:7FF", NULL), 0);
    assert_true(canring_filters_match(&filters, &xl.frame));
    xl.frame.id = 0x124;
    assert_false(canring_filters_match(&filters, &xl.frame));
    canring_filters_free(&filters);
}

static void assert_same(const struct canring_filters *filters, const struct cr_filter_set *set,
                        uint32_t id)
{
    struct canring_frame frame = frame_of(id);
    if (canring_filters_match(filters, &frame) != cr_filter_set_match(set, &frame))
        fail_msg("linear and compiled differ for id %08x", id);
}

static void assert_equivalent(const struct canring_filters *filters)
{
    struct cr_filter_set set;
    assert_int_equal(cr_filter_set_build(&set, filters), 0);
    for (uint32_t id = 0; id < 2048; id++) {
        assert_same(filters, &set, id);
        assert_same(filters, &set, id | CANRING_ID_REMOTE);
    }
    for (size_t i = 0; i < 4096; i++) {
        /* Half of them near a filter, or hardly any would match. */
        uint32_t id = random_u32() & CANRING_ID_MASK_EXT;
        if (filters->count && i % 2)
            id = (filters->list[i % filters->count].id ^ (1u << (random_u32() % 32))) &
                 CANRING_ID_MASK_EXT;
        assert_same(filters, &set, id | CANRING_ID_EXTENDED);
        assert_same(filters, &set, id | CANRING_ID_EXTENDED | CANRING_ID_REMOTE);
        assert_same(filters, &set, id | CANRING_ID_ERROR);
    }
    for (size_t i = 0; i < filters->count; i++) {
        uint32_t id = (filters->list[i].id & CANRING_ID_MASK_EXT) | CANRING_ID_EXTENDED;
        assert_same(filters, &set, id);
        assert_same(filters, &set, id | CANRING_ID_REMOTE);
    }
    cr_filter_set_free(&set);
}

static struct canring_filter random_filter(void)
{
    static const uint32_t masks[] = {0x7ff,      0xc00007ff, 0x1fffffff, 0xdfffffff,
                                     0x9fffffff, 0xc0000000, 0,          0x40000000,
                                     0x7f0,      0x1fffff00, 0xffffffff, 0x80000000};
    struct canring_filter filter = {.id = random_u32(), .mask = random_u32()};
    if (random_u32() % 4)
        filter.mask = masks[random_u32() % (sizeof(masks) / sizeof(*masks))];
    if (random_u32() % 2)
        filter.id &= 0xc00007ff;
    filter.inverted = random_u32() % 4 == 0;
    return filter;
}

static void compiled_set_answers_as_the_list_does(void **state)
{
    (void)state;
    seed = 20261122;
    for (size_t round = 0; round < 300; round++) {
        struct canring_filter list[40];
        struct canring_filters filters = {.list = list, .count = random_u32() % 40};
        if (round % 3)
            filters.count %= 5;
        for (size_t i = 0; i < filters.count; i++)
            list[i] = random_filter();
        filters.join = random_u32() % 5 == 0;
        filters.error_mask = random_u32();
        assert_equivalent(&filters);
    }
}

static void many_exact_ids_are_found(void **state)
{
    (void)state;
    static struct canring_filter list[4096];
    struct canring_filters filters = {.list = list, .count = 4096};
    seed = 7;
    for (size_t i = 0; i < filters.count; i++)
        list[i] = (struct canring_filter){
            .id = (random_u32() & CANRING_ID_MASK_EXT) | CANRING_ID_EXTENDED, .mask = 0xdfffffff};
    assert_equivalent(&filters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_list_accepts_data_and_remote_but_no_error_frames),
        cmocka_unit_test(candump_manual_examples_mean_what_it_says),
        cmocka_unit_test(error_frames_are_chosen_by_class_alone),
        cmocka_unit_test(join_asks_every_filter),
        cmocka_unit_test(damaged_lists_are_refused_with_the_column),
        cmocka_unit_test(xl_frames_match_by_priority),
        cmocka_unit_test(compiled_set_answers_as_the_list_does),
        cmocka_unit_test(many_exact_ids_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
