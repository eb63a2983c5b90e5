#include "can/trace/decompress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* The largest window that zstd(1) takes without being asked to: 128 MiB. */
#define ZST_WINDOW_LOG 27

/* At an error zstd forgets what the same call has made. So it gets no more than it asks for, which
 * is one block; this much to begin with. */
#define ZST_FIRST 5u

#define GZ_WINDOW 31

/* Of a header: enough to know one from chance. */
#define GZ_HEAD  10u
#define ZST_HEAD 5u

struct cr_decompressor {
    enum cr_compression kind;
    cr_stored_read read;
    void *arg;
    z_stream gz;
    ZSTD_DCtx *zst;
    size_t wanted;  /* by zstd, next */
    bool inside;    /* of a member (gzip) or frame (zstd) */
    bool searching; /* for the next one, behind damage */
    bool ended;
    int failure;
    uint64_t total;  /* bytes of the file that were read */
    uint64_t member; /* where the one that is read begins */
    size_t at, used; /* of the chunk */
    char what[192];
    uint8_t chunk[CR_DECOMPRESS_CHUNK];
};

enum cr_compression cr_decompress_kind(const uint8_t *head, size_t length)
{
    static const uint8_t gz[] = {0x1f, 0x8b, 8};
    static const uint8_t zst[] = {0x28, 0xb5, 0x2f, 0xfd};

    if (length >= sizeof(gz) && memcmp(head, gz, sizeof(gz)) == 0)
        return CR_COMPRESSION_GZ;
    if (length >= sizeof(zst) && memcmp(head, zst, sizeof(zst)) == 0)
        return CR_COMPRESSION_ZST;
    return CR_COMPRESSION_NONE;
}

static const char *piece(const struct cr_decompressor *unpacking)
{
    return unpacking->kind == CR_COMPRESSION_GZ ? "gzip member" : "zstd frame";
}

static uint64_t position(const struct cr_decompressor *unpacking)
{
    return unpacking->total - (unpacking->used - unpacking->at);
}

static void fail(struct cr_decompressor *unpacking, int failure, const char *why)
{
    unpacking->failure = failure;
    if (failure == -EPIPE)
        (void)snprintf(unpacking->what, sizeof(unpacking->what),
                       "stored byte %llu: the file is cut: its last %s, from byte %llu on, has no "
                       "end",
                       (unsigned long long)position(unpacking), piece(unpacking),
                       (unsigned long long)unpacking->member);
    else
        (void)snprintf(unpacking->what, sizeof(unpacking->what),
                       "stored byte %llu: damaged %s (%s): what came from it, from byte %llu on, "
                       "may be wrong",
                       (unsigned long long)position(unpacking), piece(unpacking), why,
                       (unsigned long long)unpacking->member);
}

/* One step: take some of the chunk, make some bytes at `to`, or both. Returns how many it made;
 * -EBADMSG, `why` set; -ENOMEM. */
static ssize_t step_gz(struct cr_decompressor *unpacking, uint8_t *to, size_t room,
                       const char **why)
{
    z_stream *gz = &unpacking->gz;

    gz->next_in = unpacking->chunk + unpacking->at;
    gz->avail_in = (uInt)(unpacking->used - unpacking->at);
    gz->next_out = to;
    gz->avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
    int result = inflate(gz, Z_SYNC_FLUSH);
    unpacking->at = unpacking->used - gz->avail_in;
    if (result == Z_STREAM_END) {
        unpacking->inside = false;
        result = inflateReset(gz);
    }
    ssize_t made = gz->next_out - to;
    if (made > 0 || result == Z_OK || result == Z_BUF_ERROR)
        return made; /* an error behind it comes again */
    *why = gz->msg ? gz->msg : "it wants a dictionary";
    return result == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static ssize_t step_zst(struct cr_decompressor *unpacking, uint8_t *to, size_t room,
                        const char **why)
{
    size_t left = unpacking->used - unpacking->at;
    ZSTD_inBuffer in = {.src = unpacking->chunk + unpacking->at,
                        .size = left < unpacking->wanted ? left : unpacking->wanted};
    ZSTD_outBuffer out = {.dst = to, .size = room};
    size_t result = ZSTD_decompressStream(unpacking->zst, &out, &in);

    unpacking->at += in.pos;
    if (ZSTD_isError(result)) {
        *why = ZSTD_getErrorName(result);
        return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
    }
    unpacking->inside = result != 0;
    unpacking->wanted = result ? result : ZST_FIRST;
    return (ssize_t)out.pos;
}

/* Make the chunk hold `want` bytes that were not taken. Returns how many it has, or negative. */
static ssize_t load(struct cr_decompressor *unpacking, size_t want)
{
    while (unpacking->used - unpacking->at < want) {
        memmove(unpacking->chunk, unpacking->chunk + unpacking->at,
                unpacking->used - unpacking->at);
        unpacking->used -= unpacking->at;
        unpacking->at = 0;
        ssize_t got = unpacking->read(unpacking->arg, unpacking->chunk + unpacking->used,
                                      sizeof(unpacking->chunk) - unpacking->used);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        unpacking->used += (size_t)got;
        unpacking->total += (uint64_t)got;
    }
    return (ssize_t)(unpacking->used - unpacking->at);
}

/* Behind damage the magic number alone is too little: data may hold it. */
static bool begins(enum cr_compression kind, const uint8_t *head)
{
    if (kind != cr_decompress_kind(head, CR_DECOMPRESS_HEAD))
        return false;
    if (kind == CR_COMPRESSION_ZST)
        return (head[4] & 0x08) == 0; /* reserved */
    bool flags = head[3] == 0 || head[3] == 8;
    bool speed = head[8] == 0 || head[8] == 2 || head[8] == 4;
    bool system = head[9] == 0 || head[9] == 3 || head[9] == 10 || head[9] == 255;
    return flags && speed && system;
}

/* Go to what looks like a member's or frame's begin. 1; 0: there is none. */
static int search(struct cr_decompressor *unpacking)
{
    const size_t head = unpacking->kind == CR_COMPRESSION_GZ ? GZ_HEAD : ZST_HEAD;

    for (;;) {
        ssize_t have = load(unpacking, head);
        if (have < 0)
            return (int)have;
        if ((size_t)have < head) {
            unpacking->at = unpacking->used;
            return 0;
        }
        if (begins(unpacking->kind, unpacking->chunk + unpacking->at))
            return 1;
        unpacking->at++;
    }
}

/* gzip(1) on tapes and disks leaves zeros behind. */
static void skip_zeros(struct cr_decompressor *unpacking)
{
    while (unpacking->kind == CR_COMPRESSION_GZ && unpacking->at < unpacking->used &&
           unpacking->chunk[unpacking->at] == 0)
        unpacking->at++;
}

/* To the next member or frame. 1; 0: the file ends here; negative errno. */
static int enter(struct cr_decompressor *unpacking)
{
    if (unpacking->searching) {
        int found = search(unpacking);
        if (found <= 0)
            return found;
        unpacking->searching = false;
    }
    do {
        ssize_t have = load(unpacking, 1);
        if (have <= 0)
            return (int)have;
        skip_zeros(unpacking);
    } while (unpacking->at == unpacking->used);
    unpacking->inside = true;
    unpacking->member = position(unpacking);
    return 1;
}

static int reset(struct cr_decompressor *unpacking)
{
    unpacking->inside = false;
    unpacking->wanted = ZST_FIRST;
    if (unpacking->kind == CR_COMPRESSION_GZ)
        return inflateReset(&unpacking->gz) == Z_OK ? 0 : -EINVAL;
    return ZSTD_isError(ZSTD_DCtx_reset(unpacking->zst, ZSTD_reset_session_only)) ? -EINVAL : 0;
}

static ssize_t damaged(struct cr_decompressor *unpacking, const char *why)
{
    fail(unpacking, -EBADMSG, why);
    unpacking->searching = true;
    if (position(unpacking) == unpacking->member && unpacking->at < unpacking->used)
        unpacking->at++; /* never find the same one again */
    return reset(unpacking);
}

/* Unpack until something comes out, or the end of the piece. -EAGAIN: the latter. */
static ssize_t unpack(struct cr_decompressor *unpacking, uint8_t *to, size_t room)
{
    while (unpacking->inside) {
        size_t before = unpacking->at;
        const char *why = "";
        ssize_t made = unpacking->kind == CR_COMPRESSION_GZ ? step_gz(unpacking, to, room, &why)
                                                            : step_zst(unpacking, to, room, &why);
        if (made == -EBADMSG)
            return damaged(unpacking, why);
        if (made != 0)
            return made;
        if (unpacking->inside && unpacking->at == before && before < unpacking->used)
            return damaged(unpacking, "no progress");
        ssize_t have = unpacking->inside ? load(unpacking, 1) : 1;
        if (have < 0)
            return have;
        if (have == 0) {
            fail(unpacking, -EPIPE, NULL);
            unpacking->ended = true;
            return 0;
        }
    }
    return -EAGAIN;
}

ssize_t cr_decompress_read(struct cr_decompressor *unpacking, uint8_t *to, size_t room)
{
    ssize_t made = -EAGAIN;

    if (unpacking->failure || unpacking->ended)
        return 0;
    while (made == -EAGAIN) {
        int entered = unpacking->inside ? 1 : enter(unpacking);
        if (entered == 0)
            unpacking->ended = true;
        if (entered <= 0)
            return entered;
        made = unpack(unpacking, to, room);
    }
    return made;
}

int cr_decompress_failure(const struct cr_decompressor *unpacking, const char **what)
{
    *what = unpacking->what;
    return unpacking->failure;
}

void cr_decompress_resume(struct cr_decompressor *unpacking)
{
    unpacking->failure = 0;
}

static int open_zst(struct cr_decompressor *unpacking)
{
    unpacking->zst = ZSTD_createDCtx();
    if (!unpacking->zst)
        return -ENOMEM;
    size_t result = ZSTD_DCtx_setParameter(unpacking->zst, ZSTD_d_windowLogMax, ZST_WINDOW_LOG);
    return ZSTD_isError(result) ? -EINVAL : 0;
}

int cr_decompress_open(struct cr_decompressor **unpacking, enum cr_compression kind,
                       const uint8_t *head, size_t length, cr_stored_read read, void *arg)
{
    struct cr_decompressor *new = malloc(sizeof(*new));
    int result = 0;

    if (!new)
        return -ENOMEM;
    memset(new, 0, offsetof(struct cr_decompressor, chunk));
    new->kind = kind;
    new->read = read;
    new->arg = arg;
    memcpy(new->chunk, head, length);
    new->used = length;
    new->total = length;
    new->wanted = ZST_FIRST;
    if (kind == CR_COMPRESSION_ZST)
        result = open_zst(new);
    else if (inflateInit2(&new->gz, GZ_WINDOW) != Z_OK)
        result = -ENOMEM;
    if (result < 0)
        cr_decompress_close(new);
    else
        *unpacking = new;
    return result;
}

void cr_decompress_close(struct cr_decompressor *unpacking)
{
    if (!unpacking)
        return;
    if (unpacking->kind == CR_COMPRESSION_GZ)
        (void)inflateEnd(&unpacking->gz);
    ZSTD_freeDCtx(unpacking->zst);
    free(unpacking);
}
