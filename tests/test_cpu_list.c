#include "check.h"

#include "shm/cpu_list.h"

static void cpu_lists_are_read_as_taskset_reads_them(void **state)
{
    static const struct {
        const char *text, *same;
    } good[] = {{"0", "0"},     {"2-3,6", "2-3,6"}, {"0-6:2", "0,2,4,6"}, {"3,1,2", "1-3"},
                {"5-5\n", "5"}, {"1023", "1023"},   {"0-3:9", "0"},       {"7,7", "7"}};
    static const char *const bad[] = {"",    "-1",   "1-",    "3-2",  "a",   "1,,2", "1,",
                                      "0:2", "1-3:", "1-3:0", "1024", "1 2", "0x2"};
    cpu_set_t set;
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(cr_cpu_list_parse(good[i].text, &set));
        cr_cpu_list_format(&set, text, sizeof(text));
        assert_string_equal(text, good[i].same);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (cr_cpu_list_parse(bad[i], &set))
            fail_msg("'%s' was taken for a list", bad[i]);
}

static void a_list_that_does_not_fit_is_cut_off(void **state)
{
    cpu_set_t set;
    char text[6];
    (void)state;
    assert_true(cr_cpu_list_parse("0,10,20,30", &set));
    cr_cpu_list_format(&set, text, sizeof(text));
    assert_string_equal(text, "0,10,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_lists_are_read_as_taskset_reads_them),
        cmocka_unit_test(a_list_that_does_not_fit_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
