#include "check.h"

#include <canring/quantity.h>
#include <errno.h>
#include <string.h>

static uint64_t bytes(const char *text)
{
    uint64_t value = 4711;
    struct canring_error err = {0};
    if (canring_bytes_parse(text, &value, &err) == 0)
        return value;
    assert_int_equal(err.code, -EINVAL);
    assert_non_null(strstr(err.text, text));
    assert_int_equal(value, 4711);
    return UINT64_MAX;
}

static uint64_t ns(const char *text)
{
    uint64_t value = 4711;
    struct canring_error err = {0};
    if (canring_duration_parse(text, &value, &err) == 0)
        return value;
    assert_int_equal(err.code, -EINVAL);
    assert_int_equal(value, 4711);
    return UINT64_MAX;
}

static void bytes_have_decimal_and_binary_units(void **state)
{
    (void)state;
    assert_int_equal(bytes("0"), 0);
    assert_int_equal(bytes("123"), 123);
    assert_int_equal(bytes("123 B"), 123);
    assert_int_equal(bytes("10k"), 10000);
    assert_int_equal(bytes("10 kB"), 10000);
    assert_int_equal(bytes("1.5M"), 1500000);
    assert_int_equal(bytes("64 MiB"), 64u << 20);
    assert_int_equal(bytes("0.5Gi"), 512u << 20);
    assert_int_equal(bytes("2G"), 2000000000);
    assert_int_equal(bytes("0.5"), 0);
    assert_int_equal(bytes("1.9"), 1);
}

static void times_need_a_unit(void **state)
{
    (void)state;
    assert_int_equal(ns("0"), 0);
    assert_int_equal(ns("200ms"), 200000000);
    assert_int_equal(ns("200 ms"), 200000000);
    assert_int_equal(ns("1.5 s"), 1500000000);
    assert_int_equal(ns("2us"), 2000);
    assert_int_equal(ns("2µs"), 2000);
    assert_int_equal(ns("0.000001ms"), 1);
    assert_int_equal(ns("90min"), UINT64_C(5400000000000));
    assert_int_equal(ns("1h"), UINT64_C(3600000000000));
    assert_int_equal(ns("1d"), UINT64_C(86400000000000));
    assert_int_equal(ns("200"), UINT64_MAX);
}

static void what_is_no_amount_is_refused(void **state)
{
    static const char *const wrong[] = {"",  " 1",  "-1",  "+1",  "1.",    ".5",   "1e3",
                                        "k", "1 x", "1KK", "0x1", "1 M B", "1.2.3"};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_int_equal(bytes(wrong[i]), UINT64_MAX);
        assert_int_equal(ns(wrong[i]), UINT64_MAX);
    }
}

static void amounts_beyond_64_bits_are_refused_not_wrapped(void **state)
{
    (void)state;
    assert_int_equal(bytes("18446744073709551616"), UINT64_MAX);
    assert_int_equal(bytes("99999999999999999999999"), UINT64_MAX);
    assert_int_equal(bytes("18446744073710G"), UINT64_MAX);
    assert_int_equal(ns("213504d"), UINT64_MAX);
    assert_int_equal(ns("100000d"), UINT64_C(8640000000000000000));
    assert_int_equal(ns("0.99999999999d"), UINT64_MAX); /* more digits than we count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_decimal_and_binary_units),
        cmocka_unit_test(times_need_a_unit),
        cmocka_unit_test(what_is_no_amount_is_refused),
        cmocka_unit_test(amounts_beyond_64_bits_are_refused_not_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
