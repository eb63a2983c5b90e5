/* Writing recordings: what goes in comes out, once, whatever happens in between. */
#include <canring/trace_writer.h>

#include "trace_rig.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void frames_come_out_as_they_went_in(void **state)
{
    struct canring_trace_writer *writer;
    struct canring_trace_writer_stats stats;
    struct canring_error err = {0};
    struct rig_list in = {0}, out;

    (void)state;
    rig_mixed(&in, true);
    const struct canring_trace_writer_options options = {.time_digits = 9};
    assert_int_equal(canring_trace_writer_open(&writer, in_dir("a.log"), &options, &err), 0);
    assert_int_equal(canring_trace_writer_bus(writer, "can0"), 0);
    assert_int_equal(canring_trace_writer_bus(writer, "can1"), 1);
    assert_int_equal(canring_trace_writer_bus(writer, "can0"), 0);
    for (size_t i = 0; i < in.count; i++)
        assert_int_equal(canring_trace_writer_write(writer, &in.entries[i], &err), 0);
    assert_int_equal(canring_trace_writer_flush(writer, true, &err), 0);
    canring_trace_writer_stats(writer, &stats);
    assert_int_equal(stats.frames, in.count);
    assert_int_equal(stats.files, 1);
    assert_string_equal(stats.path, in_dir("a.log"));
    assert_int_equal(canring_trace_writer_close(writer, &err), 0);
    assert_int_equal(rig_read(in_dir("a.log"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, in.count);
    for (size_t i = 0; i < in.count; i++)
        rig_same(&in.entries[i], &out.entries[i], CANRING_TX, 1);
    assert_int_equal(canring_trace_writer_open(&writer, in_dir("a.log"), &options, &err), -EEXIST);
    rig_free(&in);
    rig_free(&out);
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/canring-writer-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(in_dir("a.log"));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
