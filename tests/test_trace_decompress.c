/* Recordings that are compressed: by us, by others, cut, damaged, hostile. */
#include <fcntl.h>
#include <sys/resource.h>

#include "can/trace/compress.h"
#include "capture_rig.h"

#define LINES 1000

/* A log of LINES frames with their index as data. */
static size_t log_text(char *text, size_t size)
{
    size_t used = 0;

    for (unsigned i = 0; i < LINES; i++)
        used += (size_t)snprintf(text + used, size - used, "(%u.%06u) can%u 123#%08X\n", 1000 + i,
                                 i, i % 3, i);
    assert_true(used < size);
    return used;
}

/* `length` bytes of text in blocks of `block`, each packed. `begins` gets where they are stored. */
static void pack(struct rig_file *file, enum cr_compression kind, const char *text, size_t length,
                 size_t block, size_t *begins)
{
    struct cr_bytes out = {.data = file->data, .size = sizeof(file->data)};
    struct cr_packer *packer;

    assert_int_equal(cr_packer_open(&packer, kind), 0);
    for (size_t at = 0; at < length; at += block) {
        size_t part = length - at < block ? length - at : block;
        if (begins)
            *begins++ = out.used;
        assert_int_equal(cr_packer_pack(packer, text + at, part, &out), 0);
    }
    file->used = out.used;
    cr_packer_close(packer);
}

static struct rig_file *packed_log(enum cr_compression kind, size_t block, size_t *begins)
{
    static struct rig_file file;
    static char text[LINES * 40];

    pack(&file, kind, text, log_text(text, sizeof(text)), block, begins);
    return &file;
}

static void is_the_log(const struct rig_list *out, size_t count)
{
    assert_int_equal(out->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(cr_get_be32(out->entries[i].frame->data), i);
}

static void one_block_or_many_are_one_recording(void **state)
{
    struct rig_list out;

    (void)state;
    for (int kind = CR_COMPRESSION_GZ; kind <= CR_COMPRESSION_ZST; kind++)
        for (size_t block = 1000; block < 200000; block *= 20) {
            struct rig_file *file = packed_log((enum cr_compression)kind, block, NULL);
            file_read(file, file->used, NULL, &out);
            assert_int_equal(out.damage, 0);
            assert_false(out.unfinished);
            is_the_log(&out, LINES);
            rig_free(&out);
        }
}

static void binary_formats_are_read_through_it_too(void **state)
{
    static struct rig_file plain, file;
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_mixed(&in, true);
    rig_write(capture_path, "pcapng", &in, 2, &refused);
    file_load(&plain);
    for (int kind = CR_COMPRESSION_GZ; kind <= CR_COMPRESSION_ZST; kind++) {
        pack(&file, (enum cr_compression)kind, (char *)plain.data, plain.used, 333, NULL);
        file_read(&file, file.used, NULL, &out);
        assert_int_equal(out.damage, 0);
        assert_int_equal(out.count, in.count);
        is_prefix(&out, &in, 0);
        rig_free(&out);
    }
    rig_free(&in);
}

static void a_cut_file_is_read_up_to_its_last_whole_block_and_more(void **state)
{
    size_t begins[20];
    struct rig_list out;
    char where[40];

    (void)state;
    for (int kind = CR_COMPRESSION_GZ; kind <= CR_COMPRESSION_ZST; kind++) {
        struct rig_file *file = packed_log((enum cr_compression)kind, 2720, begins);
        for (size_t cut = 4; cut < file->used; cut += 41) {
            size_t whole = 0; /* blocks; 2720 bytes are less than 100 lines, more than 75 */
            while (begins[whole + 1] <= cut && whole < 10)
                whole++;
            if (begins[whole] == cut)
                continue;
            file_read(file, cut, "candump", &out);
            assert_true(out.count >= whole * 75);
            is_the_log(&out, out.count);
            assert_true(out.unfinished);
            assert_true(out.damage == 1 || out.damage == 2);
            snprintf(where, sizeof(where), "byte %zu:", cut);
            if (out.damage == 1)
                assert_non_null(strstr(out.error, where));
            rig_free(&out);
        }
    }
}

static void damage_is_named_and_costs_its_block(void **state)
{
    size_t begins[20];
    struct rig_list out;

    (void)state;
    for (int kind = CR_COMPRESSION_GZ; kind <= CR_COMPRESSION_ZST; kind++) {
        struct rig_file *file = packed_log((enum cr_compression)kind, 2720, begins);
        for (size_t at = begins[4]; at < begins[5]; at++) {
            file->data[at] ^= 0x5a;
            file_read(file, file->used, "candump", &out);
            file->data[at] ^= 0x5a;
            /* The last line's damage may be only in what no one looks at: a header's time. */
            if (out.damage == 0) {
                is_the_log(&out, LINES);
            } else {
                assert_true(out.count >= LINES - 3 * 100);
                assert_int_equal(cr_get_be32(out.entries[300].frame->data), 300);
                assert_int_equal(cr_get_be32(out.entries[out.count - 1].frame->data), LINES - 1);
                assert_false(out.unfinished);
            }
            rig_free(&out);
        }
    }
}

static void a_wrong_check_sum_is_told(void **state)
{
    struct rig_list out;

    (void)state;
    for (int kind = CR_COMPRESSION_GZ; kind <= CR_COMPRESSION_ZST; kind++) {
        struct rig_file *file = packed_log((enum cr_compression)kind, 1 << 20, NULL);
        file->data[file->used - (kind == CR_COMPRESSION_GZ ? 5 : 1)] ^= 1;
        file_read(file, file->used, NULL, &out);
        assert_int_equal(out.damage, 1);
        assert_non_null(strstr(out.error, "damaged"));
        assert_non_null(strstr(out.error, "from byte 0 on, may be wrong"));
        is_the_log(&out, LINES); /* all of it was readable */
        rig_free(&out);
    }
}

static void zeros_behind_gzip_are_no_damage_but_else_there_is(void **state)
{
    struct rig_list out;

    (void)state;
    struct rig_file *file = packed_log(CR_COMPRESSION_GZ, 1 << 20, NULL);
    memset(file->data + file->used, 0, 1000);
    file_read(file, file->used + 1000, NULL, &out);
    assert_int_equal(out.damage, 0);
    is_the_log(&out, LINES);
    rig_free(&out);
    memcpy(file->data + file->used + 10, "rubbish", 7);
    file_read(file, file->used + 1000, NULL, &out);
    assert_int_equal(out.damage, 1);
    is_the_log(&out, LINES);
    rig_free(&out);
}

static void rewinding_unpacks_again(void **state)
{
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry;
    uint64_t done, size;

    (void)state;
    struct rig_file *file = packed_log(CR_COMPRESSION_ZST, 5000, NULL);
    file_save(file, file->used);
    assert_int_equal(canring_trace_reader_open(&reader, capture_path, NULL, NULL), 0);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < LINES; i++) {
            assert_int_equal(canring_trace_reader_next(reader, &entry, NULL), 1);
            assert_int_equal(cr_get_be32(entry.frame->data), i);
        }
        assert_int_equal(canring_trace_reader_next(reader, &entry, NULL), 0);
        canring_trace_reader_progress(reader, &done, &size);
        assert_int_equal(done, file->used);
        assert_int_equal(size, file->used);
        assert_int_equal(canring_trace_reader_rewind(reader, NULL), 0);
    }
    canring_trace_reader_close(reader);
}

/* From a pipe, which gives a few bytes at a time. */
static void standard_input_may_be_compressed(void **state)
{
    struct rig_list out;
    int ends[2], was = dup(STDIN_FILENO);

    (void)state;
    struct rig_file *file = packed_log(CR_COMPRESSION_GZ, 1 << 20, NULL);
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) >= (int)file->used);
    assert_int_equal(write(ends[1], file->data, file->used), file->used);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(rig_read("-", NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    is_the_log(&out, LINES);
    rig_free(&out);
    assert_int_equal(dup2(was, STDIN_FILENO), STDIN_FILENO);
    close(was);
}

/* Twice of what may be taken, newlines, in a few kilobytes. */
static void what_unpacks_to_much_needs_no_more_memory(void **state)
{
    static char blanks[1 << 20];
    static struct rig_file file;
    struct rusage before, after;
    struct cr_bytes out = {.data = file.data, .size = sizeof(file.data)};
    struct cr_packer *packer;
    struct rig_list list;

    (void)state;
    memset(blanks, '\n', sizeof(blanks));
    assert_int_equal(cr_packer_open(&packer, CR_COMPRESSION_ZST), 0);
    assert_int_equal(cr_packer_pack(packer, "(1.0) can0 123#11\n", 18, &out), 0);
    for (int i = 0; i < 64; i++)
        assert_int_equal(cr_packer_pack(packer, blanks, sizeof(blanks), &out), 0);
    cr_packer_close(packer);
    file.used = out.used;
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    file_read(&file, file.used, NULL, &list);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_int_equal(list.damage, 0);
    assert_int_equal(list.count, 1);
    assert_true(after.ru_maxrss - before.ru_maxrss < 32 * 1024);
    rig_free(&list);
}

static void a_window_that_nobody_needs_is_refused(void **state)
{
    /* A frame header that wants a window of 2 GiB. */
    static const uint8_t huge[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0, 0};
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    file_raw(&file, huge, sizeof(huge));
    file_read(&file, file.used, "candump", &out);
    assert_int_equal(out.count, 0);
    assert_true(out.damage >= 1);
    assert_non_null(strstr(out.error, "zstd frame"));
    rig_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_block_or_many_are_one_recording),
        cmocka_unit_test(binary_formats_are_read_through_it_too),
        cmocka_unit_test(a_cut_file_is_read_up_to_its_last_whole_block_and_more),
        cmocka_unit_test(damage_is_named_and_costs_its_block),
        cmocka_unit_test(a_wrong_check_sum_is_told),
        cmocka_unit_test(zeros_behind_gzip_are_no_damage_but_else_there_is),
        cmocka_unit_test(rewinding_unpacks_again),
        cmocka_unit_test(standard_input_may_be_compressed),
        cmocka_unit_test(what_unpacks_to_much_needs_no_more_memory),
        cmocka_unit_test(a_window_that_nobody_needs_is_refused),
    };
    return cmocka_run_group_tests(tests, capture_make_path, capture_remove_path);
}
