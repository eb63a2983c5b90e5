#include "check.h"

#include <string.h>

#include "shm/nearest.h"

static const char *const words[] = {"spill", "drop", "socketcan", "udp_multicast"};

static const char *near(const char *found)
{
    return cr_nearest(found, words, sizeof(words) / sizeof(words[0]));
}

static void one_wrong_missing_extra_or_swapped_letter_is_near(void **state)
{
    (void)state;
    assert_string_equal(near("spil"), "spill");
    assert_string_equal(near("dropp"), "drop");
    assert_string_equal(near("sockatcan"), "socketcan");
    assert_string_equal(near("sipll"), "spill");
    assert_string_equal(near("SocketCAN"), "socketcan");
    assert_string_equal(near("udp-multicast"), "udp_multicast");
}

static void another_word_has_no_nearest(void **state)
{
    (void)state;
    assert_null(near("pcan_usb"));
    assert_null(near("x"));
    assert_null(near(""));
    assert_null(near(NULL));
    assert_null(cr_nearest("spil", NULL, 0));
}

static void the_nearer_of_two_wins(void **state)
{
    (void)state;
    const char *const names[] = {"aux12", "aux1"};
    assert_string_equal(cr_nearest("aux", names, 2), "aux1");
}

static void a_word_too_long_to_compare_has_no_nearest(void **state)
{
    (void)state;
    char longest[200];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *const names[] = {longest, NULL};
    assert_null(cr_nearest(longest, names, 2));
    assert_null(cr_nearest("aaaa", names, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_wrong_missing_extra_or_swapped_letter_is_near),
        cmocka_unit_test(another_word_has_no_nearest),
        cmocka_unit_test(the_nearer_of_two_wins),
        cmocka_unit_test(a_word_too_long_to_compare_has_no_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
