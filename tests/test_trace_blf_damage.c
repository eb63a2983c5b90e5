/* Vector's binary log, cut and damaged: what can be read is read, and nothing that was not written.
 */
#include "blf_rig.h"

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

    make_many(&in, plain ? 5 : 80);
    size_t length = build(&in, plain ? 7 : 20, plain, whole, sizeof(whole), ends);
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
    make_many(&in, 80);
    /* the second part of the list has the times of the first, which is_part could not tell */
    for (size_t i = 0; i < in.count; i++) {
        in.entries[i].timestamp_ns = RIG_START_NS + i * MS;
        if (in.frames[i])
            in.frames[i]->frame.timestamp_ns = RIG_START_NS + i * MS;
    }
    size_t length = build(&in, 20, false, whole, sizeof(whole), ends);
    for (unsigned round = 0; round < 1000; round++) {
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
    assert_true(told > 800);
    rig_free(&in);
}

static void many_damaged_bytes_do_not_stop_the_reader(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    srandom(2);
    make_many(&in, 80);
    for (unsigned round = 0; round < 500; round++) {
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
    make_many(&in, 80);
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
    make_many(&in, 80);
    put("killed", whole, build(&in, 20, false, whole, sizeof(whole), ends));
    assert_int_equal(rig_read(in_dir("killed"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    assert_true(out.unfinished);
    same_all(&in, &out);
    rig_free(&out);
    rig_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_at_any_byte_is_read_up_to_there),
        cmocka_unit_test(a_file_without_compression_cut_at_any_byte_is_read_up_to_there),
        cmocka_unit_test(a_cut_container_gives_what_can_be_unpacked),
        cmocka_unit_test(damaged_bytes_cost_their_container_and_no_more),
        cmocka_unit_test(many_damaged_bytes_do_not_stop_the_reader),
        cmocka_unit_test(what_lies_between_containers_is_skipped_and_told),
        cmocka_unit_test(a_recording_that_nobody_finished_is_told_from_one_that_is),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
