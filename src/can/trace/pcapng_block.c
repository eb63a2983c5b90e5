#include "can/trace/pcapng_block.h"

#include <errno.h>

#include "can/trace/byteorder.h"

/* Longer blocks than these are believed to be damaged. Well below the input's window: then a file
 * that claims such lengths all the time cannot make it move for every block. */
#define READ_MAX    (CR_TRACE_WINDOW / 2)
#define FOREIGN_MAX (16u * 1024 * 1024)

/* Behind damage only shorter blocks are looked for. */
#define SEARCHED_MAX (16u * 1024)

/* Type, length, byte order of a section. */
#define SECTION_PEEK 12u

/* The shortest block of a type: its lengths and what its content must have; 0: not one we read. */
static size_t shortest(uint32_t type)
{
    switch (type) {
    case CR_PCAPNG_SECTION:
        return 28;
    case CR_PCAPNG_INTERFACE:
        return 20;
    case CR_PCAPNG_SIMPLE_PACKET:
        return 16;
    case CR_PCAPNG_STATISTICS:
        return 24;
    case CR_PCAPNG_OLD_PACKET:
    case CR_PCAPNG_PACKET:
        return 32;
    default:
        return 0;
    }
}

int cr_pcapng_damaged(const struct cr_trace_source *source, struct canring_error *err,
                      const char *what)
{
    return canring_error_set(err, -EINVAL, "%s: byte %llu: %s", source->path,
                             (unsigned long long)cr_trace_input_offset(source->input), what);
}

/* Never the same place again. */
static int search_behind(struct cr_pcapng_blocks *blocks, struct canring_error *err,
                         const char *what)
{
    int result = cr_pcapng_damaged(blocks->source, err, what);

    cr_trace_input_take(blocks->source->input, 1);
    blocks->searching = true;
    blocks->cut = false;
    return result;
}

static int cut(struct cr_pcapng_blocks *blocks, struct canring_error *err)
{
    int result = search_behind(
        blocks, err, "a block that ends behind the file: the file was cut, or its length is wrong");

    blocks->cut = true;
    return result;
}

/* The byte order that a section header tells. False: it tells none. */
static bool order_of(const uint8_t *raw, bool *big)
{
    bool is_big = cr_get_be32(raw + CR_PCAPNG_HEAD) == CR_PCAPNG_ORDER;

    if (!is_big && cr_get_le32(raw + CR_PCAPNG_HEAD) != CR_PCAPNG_ORDER)
        return false;
    *big = is_big;
    return true;
}

/* Do these bytes hold a whole block of a type that we read? */
static bool is_block(bool big, const uint8_t *raw, size_t have)
{
    uint32_t type = cr_get_32(big, raw);
    size_t least = shortest(type);

    if (!least || (type == CR_PCAPNG_SECTION && !order_of(raw, &big)))
        return false;
    uint32_t total = cr_get_32(big, raw + 4);
    return total >= least && total <= SEARCHED_MAX && total <= have && total % 4 == 0 &&
           cr_get_32(big, raw + total - CR_PCAPNG_TAIL) == total;
}

/* Go to the next whole block. 1, 0: there is none, negative errno. */
static int search(struct cr_pcapng_blocks *blocks)
{
    struct cr_trace_input *input = blocks->source->input;

    for (;;) {
        const uint8_t *raw;
        int have = cr_trace_input_peek(input, 2 * SEARCHED_MAX, &raw);
        if (have < 0)
            return have;
        size_t size = (size_t)have;
        bool last = size < 2 * SEARCHED_MAX;
        size_t end = last ? size : size - SEARCHED_MAX;
        size_t at = 0;
        while (at < end &&
               (size - at < SECTION_PEEK || !is_block(blocks->big, raw + at, size - at)))
            at++;
        cr_trace_input_take(input, at);
        if (at < end)
            return 1;
        if (last)
            return 0;
    }
}

/* A block of a type that is not read here. 0: passed over. */
static int pass_over(struct cr_pcapng_blocks *blocks, uint32_t total, struct canring_error *err)
{
    struct cr_trace_input *input = blocks->source->input;
    const uint8_t *raw;

    if (total < CR_PCAPNG_HEAD + CR_PCAPNG_TAIL || total > FOREIGN_MAX || total % 4)
        return search_behind(blocks, err, "a block of an unknown type with an impossible length");
    if (total <= READ_MAX) { /* then nothing is taken before it is known to be whole */
        int have = cr_trace_input_peek(input, total, &raw);
        if (have < 0)
            return have;
        if ((uint32_t)have < total)
            return cut(blocks, err);
        if (cr_get_32(blocks->big, raw + total - CR_PCAPNG_TAIL) != total)
            return search_behind(blocks, err, "a block of an unknown type with two lengths");
    }
    int64_t skipped = cr_trace_input_skip(input, total - CR_PCAPNG_TAIL);
    int have = cr_trace_input_peek(input, CR_PCAPNG_TAIL, &raw);
    if (skipped < 0 || have < 0)
        return skipped < 0 ? (int)skipped : have;
    if (have < (int)CR_PCAPNG_TAIL)
        return cut(blocks, err);
    if (cr_get_32(blocks->big, raw) != total)
        return search_behind(blocks, err, "the end of a long block with two lengths");
    cr_trace_input_take(input, CR_PCAPNG_TAIL);
    return 0;
}

/* A block of a type that is read here. */
static int whole(struct cr_pcapng_blocks *blocks, struct cr_pcapng_block *block, uint32_t total,
                 struct canring_error *err)
{
    const uint8_t *raw;

    if (total < shortest(block->type) || total > READ_MAX || total % 4)
        return search_behind(blocks, err, "a block with an impossible length");
    int have = cr_trace_input_peek(blocks->source->input, total, &raw);
    if (have < 0)
        return have;
    if ((uint32_t)have < total)
        return cut(blocks, err);
    if (cr_get_32(blocks->big, raw + total - CR_PCAPNG_TAIL) != total)
        return search_behind(blocks, err, "a block with two lengths");
    block->big = blocks->big;
    block->content = raw + CR_PCAPNG_HEAD;
    block->length = total - CR_PCAPNG_HEAD - CR_PCAPNG_TAIL;
    blocks->given = total;
    return 1;
}

int cr_pcapng_blocks_next(struct cr_pcapng_blocks *blocks, struct cr_pcapng_block *block,
                          struct canring_error *err)
{
    const uint8_t *raw;

    if (blocks->searching) {
        int found = search(blocks);
        if (found <= 0) {
            blocks->source->unfinished |= blocks->cut;
            return found;
        }
        blocks->searching = blocks->cut = false;
    }
    for (;;) {
        int have = cr_trace_input_peek(blocks->source->input, SECTION_PEEK, &raw);
        if (have <= 0)
            return have;
        if (have < (int)SECTION_PEEK)
            return cut(blocks, err);
        block->type = cr_get_32(blocks->big, raw);
        if (block->type == CR_PCAPNG_SECTION && !order_of(raw, &blocks->big))
            return search_behind(blocks, err, "a section that does not tell its byte order");
        uint32_t total = cr_get_32(blocks->big, raw + 4);
        if (shortest(block->type))
            return whole(blocks, block, total, err);
        int result = pass_over(blocks, total, err);
        if (result < 0)
            return result;
    }
}

void cr_pcapng_blocks_take(struct cr_pcapng_blocks *blocks)
{
    cr_trace_input_take(blocks->source->input, blocks->given);
    blocks->given = 0;
}

int cr_pcapng_blocks_open(struct cr_pcapng_blocks *blocks, struct cr_trace_source *source,
                          struct canring_error *err)
{
    static const uint8_t type[] = {0x0a, 0x0d, 0x0d, 0x0a};
    const uint8_t *raw;
    int have = cr_trace_input_peek(source->input, SECTION_PEEK, &raw);
    bool big;

    if (have < 0)
        return have;
    blocks->source = source;
    source->unfinished = have == 0;
    size_t known = (size_t)have < sizeof(type) ? (size_t)have : sizeof(type);
    if (memcmp(raw, type, known) != 0 || (have >= (int)SECTION_PEEK && !order_of(raw, &big)))
        return canring_error_set(err, -EINVAL, "%s: not a pcapng file: it has no section header",
                                 source->path);
    return 0;
}
