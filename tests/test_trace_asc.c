/* Vector's ASC, written and read. */
#include <sys/stat.h>
#include <time.h>

#include "trace_rig.h"

#define S UINT64_C(1000000000)

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void put(const char *path, const void *text, size_t length)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static char *get(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_non_null(text);
    *length = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static void zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

/* What a file of this text holds. */
static void read_text(const char *text, struct rig_list *out)
{
    put(in_dir("t.asc"), text, strlen(text));
    assert_int_equal(rig_read(in_dir("t.asc"), "asc", out), 0);
}

#define HEAD                                                                                       \
    "date Tue Nov 14 10:13:20.000 pm 2023\nbase hex  timestamps absolute\n"                        \
    "internal events logged\n// version 13.0.0\n"

static void mixed_frames_survive_a_round_trip(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_mixed(&in, true);
    rig_write(in_dir("mixed.asc"), "asc", &in, 2, &refused);
    assert_int_equal(refused, 0);
    assert_int_equal(rig_read(in_dir("mixed.asc"), NULL, &out), 0);
    assert_string_equal(out.error, "");
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, in.count);
    for (size_t i = 0; i < in.count; i++)
        rig_same(&in.entries[i], &out.entries[i], 0, 1000);
    assert_string_equal(out.buses[1], "can1");
    assert_false(out.unfinished);
    rig_free(&in);
    rig_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_frames_survive_a_round_trip),
    };
    (void)get;
    (void)read_text;
    strcpy(dir, "/tmp");
    zone("UTC");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
