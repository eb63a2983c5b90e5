/* Vector's binary log: what is written is read back, whole, cut and damaged. What others write and
 * we do not is in test_trace_blf_objects.c. */
#include <time.h>

#include "can/trace/blf.h"
#include "trace_rig.h"

#define MS UINT64_C(1000000)

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static size_t get(const char *name, uint8_t *to, size_t room)
{
    FILE *file = fopen(in_dir(name), "rb");

    assert_non_null(file);
    size_t length = fread(to, 1, room, file);
    assert_true(length < room);
    assert_int_equal(fclose(file), 0);
    return length;
}

static void put(const char *name, const uint8_t *data, size_t length)
{
    FILE *file = fopen(in_dir(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void add_lost(struct rig_list *list, uint32_t bus, uint64_t after_ns, uint64_t lost)
{
    rig_add(list, &(struct canring_trace_entry){.kind = CANRING_TRACE_LOST,
                                                .bus = bus,
                                                .timestamp_ns = RIG_START_NS + after_ns,
                                                .lost = lost});
}

static void same_all(const struct rig_list *in, const struct rig_list *out)
{
    assert_int_equal(out->count, in->count);
    for (size_t i = 0; i < in->count; i++) {
        rig_same(&in->entries[i], &out->entries[i], 0, 0);
        assert_int_equal(in->entries[i].lost, out->entries[i].lost);
    }
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
    assert_int_equal(cr_blf_get_time(file + 40), RIG_START_NS / MS * MS - 1000 * MS);
    assert_int_equal(cr_blf_get_time(file + 56), (RIG_START_NS + 2 * MS) / MS * MS);
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
            assert_int_equal(cr_blf_get_time(date), ns);
        }
    }
}

/* A file of `list` with a container for every `each` entries; its header is what a writer that was
 * killed leaves. *ends[i]: size of the file up to and with entry i's container. */
static size_t build(const struct rig_list *list, size_t each, bool plain, uint8_t *to, size_t room,
                    size_t *ends)
{
    struct cr_trace_names names = {0};
    struct cr_bytes out = {.data = to, .size = room};
    static uint8_t bytes[1 << 20];
    struct cr_bytes raw = {.data = bytes, .size = sizeof(bytes)};
    void *state = calloc(1, cr_blf_encoder.state_size);
    struct cr_trace_start start = {.start_ns = RIG_START_NS, .names = &names};

    assert_non_null(state);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(cr_trace_names_channel(&names, i + 1), i);
    assert_int_equal(cr_blf_encoder.begin(state, &start, &out), 0);
    for (size_t i = 0, first = 0; i < list->count; i++) {
        assert_int_equal(cr_blf_encoder.entry(state, &list->entries[i], &raw), 0);
        if (i + 1 - first < each && i + 1 < list->count)
            continue;
        if (plain) {
            const uint8_t head[32] = {'L', 'O', 'B', 'J', 16, 0, 1};
            uint8_t *at = out.data + out.used;
            cr_bytes_put(&out, head, sizeof(head));
            blf_put32(at + 8, (uint32_t)(32 + raw.used));
            at[12] = 10;
            blf_put32(at + 24, (uint32_t)raw.used);
            cr_bytes_put(&out, raw.data, raw.used);
        } else {
            assert_int_equal(cr_blf_pack(raw.data, raw.used, &out), 0);
        }
        raw.used = 0;
        for (; first <= i; first++)
            ends[first] = out.used;
    }
    assert_false(out.overflow);
    free(state);
    cr_trace_names_free(&names);
    return out.used;
}

static void make_many(struct rig_list *list)
{
    rig_mixed(list, true);
    add_lost(list, 1, 30 * MS, 3);
    for (unsigned i = 0; i < 80; i++) {
        char text[40];
        snprintf(text, sizeof(text), "%03X#%08X%08X", i * 13 % 0x800, i * 2654435761u,
                 i * 40503u * 65537u);
        rig_frame(list, text, i % 2, 40 * MS + i * 1001, i % 5 == 0);
    }
    rig_mixed(list, false);
}

static uint8_t whole[1 << 16], part[1 << 16];
static size_t ends[256];

static void is_prefix(const struct rig_list *in, const struct rig_list *out)
{
    assert_true(out->count <= in->count);
    for (size_t i = 0; i < out->count; i++) {
        rig_same(&in->entries[i], &out->entries[i], 0, 0);
        if (i + 1 < out->count) /* the last may be a loss whose end is cut off */
            assert_int_equal(in->entries[i].lost, out->entries[i].lost);
    }
}

static void cut_everywhere(bool plain)
{
    struct rig_list in = {0}, out;

    make_many(&in);
    size_t length = build(&in, 20, plain, whole, sizeof(whole), ends);
    for (size_t cut = 4; cut <= length; cut++) {
        size_t must = 0;
        while (must < in.count && ends[must] <= cut)
            must++;
        put("cut", whole, cut);
        assert_int_equal(rig_read(in_dir("cut"), NULL, &out), 0);
        is_prefix(&in, &out);
        assert_true(out.count >= must);
        assert_true(out.unfinished || out.count == 0);
        bool between = cut == 144;
        for (size_t i = 0; i < in.count; i++) /* padding may be missing */
            between |= cut <= ends[i] && ends[i] - cut < 4;
        assert_true(between || out.damage == 1);
        assert_true(between || strstr(out.error, "cut: byte "));
        rig_free(&out);
    }
    rig_free(&in);
}

static void a_file_cut_at_any_byte_is_read_up_to_there(void **state)
{
    (void)state;
    cut_everywhere(false);
}

static void a_file_without_compression_cut_at_any_byte_is_read_up_to_there(void **state)
{
    (void)state;
    cut_everywhere(true);
}

static void a_cut_container_gives_what_can_be_unpacked(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        char text[40];
        snprintf(text, sizeof(text), "123#%08X", i * 2654435761u);
        rig_frame(&in, text, 0, i * MS, false);
    }
    size_t length = build(&in, 200, false, whole, sizeof(whole), ends);
    put("cut", whole, 144 + (length - 144) * 3 / 4);
    assert_int_equal(rig_read(in_dir("cut"), NULL, &out), 0);
    is_prefix(&in, &out);
    assert_true(out.count > 100);
    assert_true(out.unfinished);
    assert_non_null(strstr(out.error, "byte 144: the file ends in the middle"));
    rig_free(&out);
    rig_free(&in);
}

/* Every entry that is read must be one of those written, in their order: checksums see to that. */
static void is_part(const struct rig_list *in, const struct rig_list *out)
{
    size_t from = 0;

    for (size_t i = 0; i < out->count; i++) {
        const struct canring_trace_entry *a = &out->entries[i];
        while (from < in->count && (in->entries[from].timestamp_ns != a->timestamp_ns ||
                                    in->entries[from].kind != a->kind))
            from++;
        assert_true(from < in->count);
        rig_same(&in->entries[from++], a, 0, 0);
    }
}

/* A container whose type is damaged is an object of a kind that we do not know: that is no damage.
 */
static bool is_type(size_t count, size_t at)
{
    size_t begin = 144;

    for (size_t i = 0; i < count && ends[i] <= at; i++)
        begin = ends[i];
    return at >= begin + 12 && at < begin + 16;
}

static void damaged_bytes_cost_their_container_and_no_more(void **state)
{
    struct rig_list in = {0}, out;
    size_t told = 0;

    (void)state;
    srandom(1);
    make_many(&in);
    /* the second part of the list has the times of the first, which is_part could not tell */
    for (size_t i = 0; i < in.count; i++) {
        in.entries[i].timestamp_ns = RIG_START_NS + i * MS;
        if (in.frames[i])
            in.frames[i]->frame.timestamp_ns = RIG_START_NS + i * MS;
    }
    size_t length = build(&in, 20, false, whole, sizeof(whole), ends);
    for (unsigned round = 0; round < 3000; round++) {
        memcpy(part, whole, length);
        size_t at = 144 + (size_t)random() % (length - 144);
        part[at] ^= (uint8_t)(1 + random() % 255);
        put("bad", part, length);
        assert_int_equal(rig_read(in_dir("bad"), NULL, &out), 0);
        is_part(&in, &out);
        assert_true(out.count + 20 >= in.count);
        told += out.damage != 0;
        assert_true(out.count == in.count || out.damage || is_type(in.count, at));
        rig_free(&out);
    }
    assert_true(told > 2500);
    rig_free(&in);
}

static void many_damaged_bytes_do_not_stop_the_reader(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    srandom(2);
    make_many(&in);
    for (unsigned round = 0; round < 1000; round++) {
        size_t length = build(&in, 20, round % 2, part, sizeof(part), ends);
        for (unsigned i = 0; i <= round % 50; i++)
            part[4 + (size_t)random() % (length - 4)] = (uint8_t)random();
        put("bad", part, length);
        assert_int_equal(rig_read(in_dir("bad"), NULL, &out), 0);
        assert_true(out.damage < 300);
        rig_free(&out);
    }
    rig_free(&in);
}

static void what_lies_between_containers_is_skipped_and_told(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    make_many(&in);
    size_t length = build(&in, 20, false, whole, sizeof(whole), ends);
    memcpy(part, whole, ends[0]);
    memset(part + ends[0], 0xaa, 1000);
    memcpy(part + ends[0] + 1000, whole + ends[0], length - ends[0]);
    put("bad", part, length + 1000);
    assert_int_equal(rig_read(in_dir("bad"), NULL, &out), 0);
    assert_int_equal(out.damage, 1);
    const char *at = strstr(out.error, "byte ");
    assert_non_null(at);
    size_t byte = strtoul(at + 5, NULL, 10);
    assert_true(byte <= ends[0] && byte + 4 > ends[0]); /* padding counts as skipped */
    same_all(&in, &out);
    rig_free(&out);
    rig_free(&in);
}

static void a_recording_that_nobody_finished_is_told_from_one_that_is(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    make_many(&in);
    put("killed", whole, build(&in, 20, false, whole, sizeof(whole), ends));
    assert_int_equal(rig_read(in_dir("killed"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    assert_true(out.unfinished);
    same_all(&in, &out);
    rig_free(&out);
    rig_free(&in);
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

static int make_dir(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    snprintf(dir, sizeof(dir), "/tmp/canring-blf-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    static const char *const names[] = {"a.blf", "cut", "bad", "killed"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(in_dir(names[i]));
    return rmdir(dir);
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
        cmocka_unit_test(a_file_cut_at_any_byte_is_read_up_to_there),
        cmocka_unit_test(a_file_without_compression_cut_at_any_byte_is_read_up_to_there),
        cmocka_unit_test(a_cut_container_gives_what_can_be_unpacked),
        cmocka_unit_test(damaged_bytes_cost_their_container_and_no_more),
        cmocka_unit_test(many_damaged_bytes_do_not_stop_the_reader),
        cmocka_unit_test(what_lies_between_containers_is_skipped_and_told),
        cmocka_unit_test(a_recording_that_nobody_finished_is_told_from_one_that_is),
        cmocka_unit_test(channels_above_255_are_kept_for_all_but_xl),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
