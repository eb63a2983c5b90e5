#include "can/trace/compress.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "shm/nearest.h"

/* Candump text, one core: gzip 1 packs 3.0 M frames/s to 1/3.0, gzip 4 1.6 M to 1/3.4, gzip 6
 * 0.8 M to 1/3.5; zstd 1 8.6 M to 1/4.1, and its higher levels take more room on such short lines.
 */
#define GZ_LEVEL  1
#define ZST_LEVEL 1

/* windowBits as zlib has it: the largest window, and a gzip header around it. */
#define GZ_WINDOW 31
#define GZ_MEMORY 8

struct cr_packer {
    enum cr_compression kind;
    z_stream gz;
    ZSTD_CCtx *zst;
};

static const char *const names[] = {"none", "gz", "zst"};
static const char *const endings[] = {"", ".gz", ".zst"};

#define KINDS (sizeof(names) / sizeof(*names))

int cr_compression_named(const char *name, struct canring_error *err)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    const char *near = cr_nearest(name, names, KINDS);
    return canring_error_set(err, -EINVAL, "no compression '%s'%s%s%s: allowed are none, gz, zst",
                             name, near ? ", did you mean '" : "", near ? near : "",
                             near ? "'" : "");
}

enum cr_compression cr_compression_by_ending(const char *path)
{
    size_t length = strlen(path);

    for (size_t i = 1; i < KINDS; i++) {
        size_t own = strlen(endings[i]);
        if (own < length && strcasecmp(path + length - own, endings[i]) == 0)
            return (enum cr_compression)i;
    }
    return CR_COMPRESSION_NONE;
}

const char *cr_compression_name(enum cr_compression kind)
{
    return names[kind];
}

const char *cr_compression_ending(enum cr_compression kind)
{
    return endings[kind];
}

static int open_zst(struct cr_packer *packer)
{
    packer->zst = ZSTD_createCCtx();
    if (!packer->zst)
        return -ENOMEM;
    /* With the checksum, readers tell damage from data. */
    if (ZSTD_isError(ZSTD_CCtx_setParameter(packer->zst, ZSTD_c_compressionLevel, ZST_LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(packer->zst, ZSTD_c_checksumFlag, 1)))
        return -EINVAL;
    return 0;
}

static int open_gz(struct cr_packer *packer)
{
    int result =
        deflateInit2(&packer->gz, GZ_LEVEL, Z_DEFLATED, GZ_WINDOW, GZ_MEMORY, Z_DEFAULT_STRATEGY);
    return result == Z_OK ? 0 : result == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
}

int cr_packer_open(struct cr_packer **packer, enum cr_compression kind)
{
    struct cr_packer *new = calloc(1, sizeof(*new));
    int result = 0;

    if (!new)
        return -ENOMEM;
    new->kind = kind;
    if (kind == CR_COMPRESSION_ZST)
        result = open_zst(new);
    else if (kind == CR_COMPRESSION_GZ)
        result = open_gz(new);
    if (result < 0)
        cr_packer_close(new);
    else
        *packer = new;
    return result;
}

static int pack_gz(struct cr_packer *packer, const void *raw, size_t length, struct cr_bytes *out)
{
    size_t room = out->size - out->used;
    z_stream *gz = &packer->gz;

    if (length > UINT_MAX)
        return -EINVAL;
    if (deflateReset(gz) != Z_OK)
        return -EINVAL;
    gz->next_in = (z_const Bytef *)(uintptr_t)raw;
    gz->avail_in = (uInt)length;
    gz->next_out = out->data + out->used;
    gz->avail_out = room < UINT_MAX ? (uInt)room : UINT_MAX;
    if (deflate(gz, Z_FINISH) != Z_STREAM_END)
        return -ENOSPC;
    out->used = (size_t)(gz->next_out - out->data);
    return 0;
}

static int pack_zst(struct cr_packer *packer, const void *raw, size_t length, struct cr_bytes *out)
{
    size_t made =
        ZSTD_compress2(packer->zst, out->data + out->used, out->size - out->used, raw, length);

    if (ZSTD_isError(made))
        return ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation ? -ENOMEM : -ENOSPC;
    out->used += made;
    return 0;
}

static int pack_none(const void *raw, size_t length, struct cr_bytes *out)
{
    if (length > out->size - out->used)
        return -ENOSPC;
    cr_bytes_put(out, raw, length);
    return 0;
}

int cr_packer_pack(struct cr_packer *packer, const void *raw, size_t length, struct cr_bytes *out)
{
    if (packer->kind == CR_COMPRESSION_GZ)
        return pack_gz(packer, raw, length, out);
    if (packer->kind == CR_COMPRESSION_ZST)
        return pack_zst(packer, raw, length, out);
    return pack_none(raw, length, out);
}

void cr_packer_close(struct cr_packer *packer)
{
    if (!packer)
        return;
    if (packer->kind == CR_COMPRESSION_GZ)
        (void)deflateEnd(&packer->gz);
    ZSTD_freeCCtx(packer->zst);
    free(packer);
}
