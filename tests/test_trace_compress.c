/* Packed blocks: each is whole, and gzip and zstd themselves read several of them as one file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "can/trace/compress.h"
#include "can/trace/format.h"
#include "check.h"

#define BLOCK 100000

static void lines(char *text, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = "0123456789ABCDEF"[seed >> 28];
    }
}

static void names_and_endings_are_known(void **state)
{
    struct canring_error err;

    (void)state;
    assert_int_equal(cr_compression_named("zst", NULL), CR_COMPRESSION_ZST);
    assert_int_equal(cr_compression_named("none", NULL), CR_COMPRESSION_NONE);
    assert_int_equal(cr_compression_named("zts", &err), -EINVAL);
    assert_string_equal(err.text,
                        "no compression 'zts', did you mean 'zst': allowed are none, gz, zst");
    assert_int_equal(cr_compression_by_ending("a.log.GZ"), CR_COMPRESSION_GZ);
    assert_int_equal(cr_compression_by_ending("a.zst"), CR_COMPRESSION_ZST);
    assert_int_equal(cr_compression_by_ending("a.log"), CR_COMPRESSION_NONE);
    assert_int_equal(cr_compression_by_ending(".gz"), CR_COMPRESSION_NONE);
    assert_string_equal(cr_compression_ending(CR_COMPRESSION_GZ), ".gz");
    assert_string_equal(cr_compression_name(CR_COMPRESSION_NONE), "none");
}

static struct cr_bytes packed(enum cr_compression kind, const char *text, size_t length)
{
    struct cr_bytes out = {.size = cr_trace_pack_room(length)};
    struct cr_packer *packer;

    out.data = malloc(out.size);
    assert_non_null(out.data);
    assert_int_equal(cr_packer_open(&packer, kind), 0);
    assert_int_equal(cr_packer_pack(packer, text, length, &out), 0);
    size_t first = out.used;
    out.used = 0; /* a second time: nothing of the first block is left in the packer */
    assert_int_equal(cr_packer_pack(packer, text, length, &out), 0);
    assert_int_equal(out.used, first);
    cr_packer_close(packer);
    return out;
}

static void a_gzip_block_is_a_whole_member(void **state)
{
    static char text[BLOCK], back[BLOCK + 1];
    struct cr_bytes out;
    z_stream gz = {0};

    (void)state;
    lines(text, BLOCK, 1);
    out = packed(CR_COMPRESSION_GZ, text, BLOCK);
    assert_int_equal(inflateInit2(&gz, 31), Z_OK);
    gz.next_in = out.data;
    gz.avail_in = (uInt)out.used;
    gz.next_out = (Bytef *)back;
    gz.avail_out = sizeof(back);
    assert_int_equal(inflate(&gz, Z_FINISH), Z_STREAM_END);
    assert_int_equal(gz.avail_in, 0);
    assert_int_equal(gz.total_out, BLOCK);
    assert_memory_equal(back, text, BLOCK);
    assert_int_equal(inflateEnd(&gz), Z_OK);
    free(out.data);
}

static void a_zstd_block_is_a_whole_frame_with_its_checksum(void **state)
{
    static char text[BLOCK], back[BLOCK + 1];
    struct cr_bytes out;

    (void)state;
    lines(text, BLOCK, 2);
    out = packed(CR_COMPRESSION_ZST, text, BLOCK);
    assert_int_equal(ZSTD_findFrameCompressedSize(out.data, out.used), out.used);
    assert_int_equal(ZSTD_decompress(back, sizeof(back), out.data, out.used), BLOCK);
    assert_memory_equal(back, text, BLOCK);
    out.data[out.used - 1] ^= 1;
    assert_true(ZSTD_isError(ZSTD_decompress(back, sizeof(back), out.data, out.used)));
    free(out.data);
}

static void what_cannot_be_packed_fits_the_stated_room(void **state)
{
    static uint8_t noise[BLOCK];
    unsigned seed = 3;

    (void)state;
    for (size_t i = 0; i < BLOCK; i++) {
        seed = seed * 1103515245 + 12345;
        noise[i] = (uint8_t)(seed >> 24);
    }
    for (int kind = CR_COMPRESSION_NONE; kind <= CR_COMPRESSION_ZST; kind++)
        for (size_t length = 0; length <= BLOCK; length = length * 3 + 1) {
            struct cr_bytes out = packed((enum cr_compression)kind, (const char *)noise, length);
            free(out.data);
        }
}

static void a_block_without_room_leaves_nothing_behind(void **state)
{
    static char text[BLOCK];
    uint8_t room[64];

    (void)state;
    lines(text, BLOCK, 4);
    for (int kind = CR_COMPRESSION_NONE; kind <= CR_COMPRESSION_ZST; kind++) {
        struct cr_bytes out = {.data = room, .size = sizeof(room), .used = 3};
        struct cr_packer *packer;
        assert_int_equal(cr_packer_open(&packer, (enum cr_compression)kind), 0);
        assert_int_equal(cr_packer_pack(packer, text, BLOCK, &out), -ENOSPC);
        assert_int_equal(out.used, 3);
        assert_int_equal(cr_packer_pack(packer, "abc", 3, &out), 0);
        assert_true(out.used > 3);
        cr_packer_close(packer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_endings_are_known),
        cmocka_unit_test(a_gzip_block_is_a_whole_member),
        cmocka_unit_test(a_zstd_block_is_a_whole_frame_with_its_checksum),
        cmocka_unit_test(what_cannot_be_packed_fits_the_stated_room),
        cmocka_unit_test(a_block_without_room_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
