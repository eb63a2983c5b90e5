/* PEAK's TRC, written and read. */
#include <sys/stat.h>
#include <time.h>

#include "trace_rig.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void mixed_frames_survive_a_round_trip(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_mixed(&in, false);
    rig_write(in_dir("mixed.trc"), "trc", &in, 2, &refused);
    assert_int_equal(refused, 0);
    assert_int_equal(rig_read(in_dir("mixed.trc"), NULL, &out), 0);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, in.count);
    for (size_t i = 0; i < in.count; i++)
        rig_same(&in.entries[i], &out.entries[i], 0, 1000);
    assert_string_equal(out.buses[1], "can1");
    assert_false(out.unfinished);
    rig_free(&in);
    rig_free(&out);
}

static void mixed_frames_survive_a_round_trip11(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_mixed(&in, false);
    rig_write(in_dir("mixed11.trc"), "trc1.1", &in, 2, &refused);
    assert_int_equal(refused, 6);
    assert_int_equal(rig_read(in_dir("mixed11.trc"), NULL, &out), 0);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, in.count - 6);
    for (size_t i = 0; i < out.count; i++)
        rig_same(&in.entries[i], &out.entries[i], 0, 100000);
    rig_free(&in);
    rig_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_frames_survive_a_round_trip),
        cmocka_unit_test(mixed_frames_survive_a_round_trip11),
    };
    strcpy(dir, "/tmp");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
