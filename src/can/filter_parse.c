#include "can/text_cursor.h"

#include <canring/filter.h>
#include <errno.h>
#include <stdlib.h>

/* One hexadecimal number of 1 to 8 digits. */
static int parse_number(struct cr_cursor *cursor, const char *what, uint32_t *value)
{
    size_t digits = cr_cursor_hex_span(cursor);

    if (digits == 0)
        return cr_cursor_fail(cursor, what);
    if (digits > 8)
        return cr_cursor_fail_at(cursor, cursor->at, "%zu hexadecimal digits, allowed: 1 to 8",
                                 digits);
    return cr_cursor_hex(cursor, (unsigned)digits, value);
}

static int append(struct canring_filters *filters, const struct canring_filter *filter)
{
    struct canring_filter *list = filters->list;

    /* Grows at powers of two; the list is short and built once. */
    if ((filters->count & (filters->count - 1)) == 0) {
        size_t room = filters->count ? 2 * filters->count : 1;
        list = realloc(list, room * sizeof(*list));
        if (!list)
            return -ENOMEM;
        filters->list = list;
    }
    list[filters->count++] = *filter;
    return 0;
}

static int parse_id_mask(struct cr_cursor *cursor, struct canring_filters *filters)
{
    struct canring_filter filter = {0};
    size_t digits = cr_cursor_hex_span(cursor);

    if (parse_number(cursor, "an identifier in hexadecimal digits, '#' and an error mask, or 'j'",
                     &filter.id))
        return -EINVAL;
    filter.inverted = cr_cursor_take(cursor, '~');
    if (!filter.inverted && !cr_cursor_take(cursor, ':'))
        return cr_cursor_fail(cursor, "':' or '~' and a mask after the identifier");
    if (parse_number(cursor, "a mask in hexadecimal digits", &filter.mask))
        return -EINVAL;
    /* As candump: the flag stands in the id; it takes part when the mask has it, too. Error frames
     * are chosen by their classes, never by an identifier filter. */
    if (digits == 8)
        filter.id |= CANRING_ID_EXTENDED;
    filter.mask &= ~CANRING_ID_ERROR;
    if (filter.id & CANRING_ID_ERROR) /* to the kernel, and so to candump, another way to write ~ */
        filter.inverted = true;
    filter.id &= ~CANRING_ID_ERROR;
    if (append(filters, &filter))
        return canring_error_set(cursor->err, -ENOMEM, "no memory for %zu filters",
                                 filters->count + 1);
    return 0;
}

static int parse_part(struct cr_cursor *cursor, struct canring_filters *filters)
{
    if (cr_cursor_take(cursor, '#'))
        return parse_number(cursor, "an error mask in hexadecimal digits", &filters->error_mask);
    if (cr_cursor_take(cursor, 'j') || cr_cursor_take(cursor, 'J')) {
        filters->join = true;
        return 0;
    }
    return parse_id_mask(cursor, filters);
}

static int parse_list(struct cr_cursor *cursor, struct canring_filters *filters)
{
    int result;

    if (cr_cursor_ended(cursor))
        return 0;
    do {
        result = parse_part(cursor, filters);
        if (result)
            return result;
    } while (cr_cursor_take(cursor, ','));
    return cr_cursor_ended(cursor) ? 0 : cr_cursor_fail(cursor, "',' or the end");
}

int canring_filters_parse(struct canring_filters *filters, const char *text,
                          struct canring_error *err)
{
    struct cr_cursor cursor = {.text = text, .length = strlen(text), .err = err};
    int result;

    memset(filters, 0, sizeof(*filters));
    filters->given = true;
    result = parse_list(&cursor, filters);
    if (result)
        canring_filters_free(filters);
    return result;
}

void canring_filters_free(struct canring_filters *filters)
{
    free(filters->list);
    memset(filters, 0, sizeof(*filters));
}
