/* Vector's binary log: what is written is read back. Damage: test_trace_blf_damage.c; what others
 * write and we do not: test_trace_blf_objects.c. */
#include <canring/trace_writer.h>
#include <time.h>

#include "blf_rig.h"

static int64_t date_of(const uint8_t *systemtime)
{
    int64_t ns;

    assert_int_equal(cr_blf_get_time(systemtime, &ns), 1);
    return ns;
}

static void everything_survives_a_round_trip(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_mixed(&in, true);
    add_lost(&in, 1, 40 * MS, 7);
    add_lost(&in, 0, 41 * MS, 0);
    rig_frame(&in, "123#11", 1, 42 * MS, false);
    rig_write(in_dir("a.blf"), "blf", &in, 2, &refused);
    assert_int_equal(refused, 0);
    assert_int_equal(rig_read(in_dir("a.blf"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    assert_false(out.unfinished);
    assert_string_equal(out.buses[0], "can0");
    assert_string_equal(out.buses[1], "can1");
    same_all(&in, &out);
    rig_free(&in);
    rig_free(&out);
}

static void times_may_step_back_to_before_the_start(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false);
    rig_frame(&in, "123#22", 0, (uint64_t)-1, false);
    rig_frame(&in, "123#33", 0, (uint64_t)(-3600 * INT64_C(1000000000)), false);
    rig_frame(&in, "123#44", 0, 86400 * UINT64_C(1000000000) * 400, false);
    rig_write(in_dir("a.blf"), "blf", &in, 1, &refused);
    assert_int_equal(rig_read(in_dir("a.blf"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    same_all(&in, &out);
    rig_free(&in);
    rig_free(&out);
}

static void the_header_says_what_is_in_the_file(void **state)
{
    static uint8_t file[65536];
    struct rig_list in = {0};
    size_t refused;

    (void)state;
    rig_frame(&in, "123#1122334455667788", 0, 0, false);
    rig_frame(&in, "123##1112233", 0, MS, false);
    add_lost(&in, 0, 2 * MS, 1);
    rig_write(in_dir("a.blf"), "blf", &in, 1, &refused);
    size_t length = get("a.blf", file, sizeof(file));
    assert_memory_equal(file, "LOGG", 4);
    assert_int_equal(cr_get_le32(file + 4), 144);
    assert_int_equal(cr_get_le64(file + 16), length);
    assert_int_equal(cr_get_le64(file + 24), 144 + 32 + 56 + 76 + 36 + 48);
    assert_int_equal(cr_get_le32(file + 32), 4);
    /* 1 s before the first entry, at a whole millisecond; the last one is not shifted */
    assert_int_equal(date_of(file + 40), RIG_START_NS / MS * MS - 1000 * MS);
    assert_int_equal(date_of(file + 56), (RIG_START_NS + 2 * MS) / MS * MS);
    assert_memory_equal(file + 144, "LOBJ", 4);
    assert_int_equal(cr_get_le32(file + 144 + 12), 10);
    assert_int_equal(cr_get_le32(file + 144 + 24), 56 + 76 + 36 + 48);
    rig_free(&in);
}

static void a_start_is_stored_in_local_time(void **state)
{
    static uint8_t file[65536];
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false); /* 2023-11-14 22:13:20 UTC */
    setenv("TZ", "XST-5:30", 1);
    tzset();
    rig_write(in_dir("a.blf"), "blf", &in, 1, &refused);
    get("a.blf", file, sizeof(file));
    assert_int_equal(cr_get_le16(file + 40), 2023);
    assert_int_equal(cr_get_le16(file + 42), 11);
    assert_int_equal(cr_get_le16(file + 44), 3); /* Wednesday */
    assert_int_equal(cr_get_le16(file + 46), 15);
    assert_int_equal(cr_get_le16(file + 48), 3);
    assert_int_equal(cr_get_le16(file + 50), 43);
    assert_int_equal(cr_get_le16(file + 52), 19);
    assert_int_equal(cr_get_le16(file + 54), 123);
    assert_int_equal(rig_read(in_dir("a.blf"), NULL, &out), 0);
    same_all(&in, &out);
    rig_free(&out);
    setenv("TZ", "UTC", 1);
    tzset();
    assert_int_equal(rig_read(in_dir("a.blf"), NULL, &out), 0);
    assert_int_equal(out.entries[0].timestamp_ns,
                     in.entries[0].timestamp_ns + 19800 * UINT64_C(1000000000));
    rig_free(&out);
    rig_free(&in);
}

static void summer_time_is_told_from_winter_time(void **state)
{
    static const char *const zones[] = {"CET-1CEST,M3.5.0,M10.5.0/3", "UTC"};
    uint8_t date[16];

    (void)state;
    for (size_t zone = 0; zone < 2; zone++) {
        setenv("TZ", zones[zone], 1);
        tzset();
        for (uint64_t month = 0; month < 12; month++) {
            uint64_t ns = (UINT64_C(1700000000) + month * 30 * 86400) * 1000 * MS + 7 * MS;
            cr_blf_put_time(date, ns);
            assert_int_equal(date_of(date), ns);
        }
    }
}

static void channels_above_255_are_kept_for_all_but_xl(void **state)
{
    struct cr_trace_names names = {0};
    uint8_t bytes[4096];
    struct cr_bytes out = {.data = bytes, .size = sizeof(bytes)};
    void *encoder = calloc(1, cr_blf_encoder.state_size);
    struct rig_list in = {0};

    (void)state;
    assert_non_null(encoder);
    assert_int_equal(cr_trace_names_channel(&names, 300), 0);
    assert_int_equal(cr_blf_encoder.begin(encoder, &(struct cr_trace_start){.names = &names}, &out),
                     0);
    out.used = 0;
    rig_frame(&in, "123##5112233445566778899AABBCC", 0, 0, true);
    rig_frame(&in, "45123#81:00:12345678#11223344", 0, 0, false);
    assert_int_equal(cr_blf_encoder.entry(encoder, &in.entries[0], &out), 0);
    size_t used = out.used;
    assert_int_equal(cr_blf_encoder.entry(encoder, &in.entries[1], &out), -EOPNOTSUPP);
    assert_int_equal(out.used, used);
    union canring_frame_buffer frame;
    struct cr_blf_object object;
    const char *what;
    assert_int_equal(cr_get_le32(bytes + 12), BLF_CAN_FD_MESSAGE);
    assert_int_equal(
        cr_blf_parse(BLF_CAN_FD_MESSAGE, bytes + 32, used - 32, &object, &frame.frame, &what), 0);
    assert_int_equal(object.channel, 300);
    frame.frame.flags |= CANRING_CLOCK_PROXY;
    frame.frame.timestamp_ns = in.entries[0].timestamp_ns;
    struct canring_trace_entry read = {.timestamp_ns = frame.frame.timestamp_ns,
                                       .frame = &frame.frame};
    rig_same(&in.entries[0], &read, 0, 0);
    free(encoder);
    cr_trace_names_free(&names);
    rig_free(&in);
}

/* The writer gives containers away when it is flushed: the header counts each. */
static void the_header_counts_all_that_the_writer_gave_away(void **state)
{
    static uint8_t file[65536];
    const struct canring_trace_writer_options options = {.overwrite = true};
    struct canring_trace_writer *writer;
    struct canring_error err;
    struct rig_list in = {0}, out;

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        rig_frame(&in, "123#11", 0, i * MS, false);
    assert_int_equal(canring_trace_writer_open(&writer, in_dir("a.blf"), &options, &err), 0);
    assert_int_equal(canring_trace_writer_bus(writer, "can0"), 0);
    for (size_t i = 0; i < in.count; i++) {
        assert_int_equal(canring_trace_writer_write(writer, &in.entries[i], &err), 0);
        if (i % 2)
            assert_int_equal(canring_trace_writer_flush(writer, false, &err), 0);
    }
    assert_int_equal(canring_trace_writer_close(writer, &err), 0);
    size_t length = get("a.blf", file, sizeof(file));
    assert_int_equal(cr_get_le64(file + 16), length);
    assert_int_equal(cr_get_le64(file + 24), 144 + 3 * (32 + 2 * 56));
    assert_int_equal(cr_get_le32(file + 32), 6);
    assert_int_equal(rig_read(in_dir("a.blf"), NULL, &out), 0);
    assert_false(out.unfinished);
    assert_int_equal(out.damage, 0);
    same_all(&in, &out);
    rig_free(&in);
    rig_free(&out);
}

/* For test_trace_blf_peers.py: write FILE (the mixed set), plain FILE (without compression), or
 * print FILE, an entry a line. */
static int print_all(const char *path)
{
    struct rig_list list;
    char text[CANRING_TEXT_MAX];

    assert_int_equal(rig_read(path, NULL, &list), 0);
    for (size_t i = 0; i < list.count; i++) {
        const struct canring_trace_entry *entry = &list.entries[i];
        if (!entry->frame)
            continue;
        int length =
            canring_log_format(entry->frame, list.buses[entry->bus], 9, text, sizeof(text));
        assert_true(length > 0);
        printf("%.*s %c\n", length - 1, text, entry->frame->flags & CANRING_TX ? 'T' : 'R');
    }
    fprintf(stderr, "%zu damaged %s\n", list.damage, list.error);
    rig_free(&list);
    return 0;
}

static int serve_peer(const char *verb, const char *path)
{
    struct rig_list list = {0};
    size_t refused;

    if (strcmp(verb, "print") == 0)
        return print_all(path);
    rig_mixed(&list, true);
    add_lost(&list, 0, 1000 * MS, 5);
    rig_frame(&list, "123#FF", 1, 2000 * MS, false);
    if (strcmp(verb, "write") == 0) {
        rig_write(path, "blf", &list, 2, &refused);
    } else {
        static uint8_t whole[1 << 16];
        size_t ends[64];
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        size_t length = build(&list, 5, true, whole, sizeof(whole), ends);
        assert_int_equal(fwrite(whole, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
    }
    rig_free(&list);
    return 0;
}
int main(int argc, char **argv)
{
    if (argc == 3)
        return serve_peer(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_survives_a_round_trip),
        cmocka_unit_test(times_may_step_back_to_before_the_start),
        cmocka_unit_test(the_header_says_what_is_in_the_file),
        cmocka_unit_test(a_start_is_stored_in_local_time),
        cmocka_unit_test(summer_time_is_told_from_winter_time),
        cmocka_unit_test(channels_above_255_are_kept_for_all_but_xl),
        cmocka_unit_test(the_header_counts_all_that_the_writer_gave_away),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
