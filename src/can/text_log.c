#include "can/text_parse.h"

#include <canring/text.h>
#include <errno.h>

#define SECONDS_MAX (UINT64_MAX / 1000000000 - 1)

static bool is_blank(int character)
{
    return character == ' ' || character == '\t';
}

static void skip_blanks(struct cr_cursor *cursor)
{
    while (is_blank(cr_cursor_peek(cursor)))
        cursor->at++;
}

/* Blanks between two fields: at least one. */
static int parse_gap(struct cr_cursor *cursor, const char *allowed)
{
    if (!is_blank(cr_cursor_peek(cursor)))
        return cr_cursor_fail(cursor, allowed);
    skip_blanks(cursor);
    return 0;
}

static bool is_digit(int character)
{
    return character >= '0' && character <= '9';
}

static int parse_seconds(struct cr_cursor *cursor, uint64_t *seconds)
{
    size_t at = cursor->at;

    if (!is_digit(cr_cursor_peek(cursor)))
        return cr_cursor_fail(cursor, "seconds since 1970");
    for (*seconds = 0; is_digit(cr_cursor_peek(cursor)); cursor->at++) {
        *seconds = *seconds * 10 + (uint64_t)(cursor->text[cursor->at] - '0');
        if (*seconds > SECONDS_MAX)
            return cr_cursor_fail_at(cursor, at, "more seconds than allowed: %llu",
                                     (unsigned long long)SECONDS_MAX);
    }
    return 0;
}

static int parse_fraction(struct cr_cursor *cursor, uint64_t *nanoseconds)
{
    unsigned digits = 0;

    if (!is_digit(cr_cursor_peek(cursor)))
        return cr_cursor_fail(cursor, "1 to 9 digits of a fraction");
    for (*nanoseconds = 0; is_digit(cr_cursor_peek(cursor)); cursor->at++) {
        if (++digits > 9)
            return cr_cursor_fail(cursor, "')' after 9 digits of a fraction");
        *nanoseconds = *nanoseconds * 10 + (uint64_t)(cursor->text[cursor->at] - '0');
    }
    for (; digits < 9; digits++)
        *nanoseconds *= 10;
    return 0;
}

static int parse_stamp(struct cr_cursor *cursor, uint64_t *timestamp_ns)
{
    uint64_t seconds = 0, nanoseconds = 0;

    if (!cr_cursor_take(cursor, '('))
        return cr_cursor_fail(cursor, "'(' before the time");
    if (parse_seconds(cursor, &seconds))
        return -EINVAL;
    if (!cr_cursor_take(cursor, '.'))
        return cr_cursor_fail(cursor, "a digit or '.' in the time");
    if (parse_fraction(cursor, &nanoseconds))
        return -EINVAL;
    if (!cr_cursor_take(cursor, ')'))
        return cr_cursor_fail(cursor, "a digit or ')' after the time");
    *timestamp_ns = seconds * 1000000000 + nanoseconds;
    return 0;
}

static int parse_name(struct cr_cursor *cursor, char name[CANRING_TEXT_NAME])
{
    size_t length = 0;

    for (int next; (next = cr_cursor_peek(cursor)) > ' ' && next != 0x7f; cursor->at++) {
        if (length == CANRING_TEXT_NAME - 1)
            return cr_cursor_fail_at(cursor, cursor->at - length,
                                     "interface name of more than %d characters",
                                     CANRING_TEXT_NAME - 1);
        name[length++] = (char)next;
    }
    name[length] = '\0';
    return length ? 0 : cr_cursor_fail(cursor, "the name of an interface");
}

/* The frame is the next word; " R" or " T" may follow it. */
static int parse_frame(struct cr_cursor *cursor, struct canring_frame *frame)
{
    struct cr_cursor word = *cursor;

    while (word.at < cursor->length && !is_blank(cr_cursor_peek(&word)))
        word.at++;
    word.length = word.at;
    word.at = cursor->at;
    if (cr_text_parse(&word, frame, false))
        return -EINVAL;
    cursor->at = word.length;
    skip_blanks(cursor);
    if (cr_cursor_take(cursor, 'T'))
        frame->flags |= CANRING_TX;
    else
        (void)cr_cursor_take(cursor, 'R');
    skip_blanks(cursor);
    return cr_cursor_ended(cursor) ? 0 : cr_cursor_fail(cursor, "R, T or the end of the line");
}

/* Lines of a log that are no frame and no damage. */
static bool is_remark(const struct cr_cursor *cursor)
{
    static const char dropcount[] = "DROPCOUNT:";
    const char *text = cursor->text + cursor->at;
    size_t left = cursor->length - cursor->at;

    if (left == 0 || *text == '#')
        return true;
    return left >= sizeof(dropcount) - 1 && memcmp(text, dropcount, sizeof(dropcount) - 1) == 0;
}

static size_t without_newline(const char *line, size_t length)
{
    if (length && line[length - 1] == '\n')
        length--;
    if (length && line[length - 1] == '\r')
        length--;
    return length;
}

int canring_log_parse(union canring_frame_buffer *frame, char name[CANRING_TEXT_NAME],
                      const char *line, size_t length, struct canring_error *err)
{
    struct cr_cursor cursor = {.text = line, .length = without_newline(line, length), .err = err};
    uint64_t timestamp_ns = 0;

    skip_blanks(&cursor);
    if (is_remark(&cursor))
        return 0;
    memset(frame, 0, CANRING_FRAME_HEADER);
    if (parse_stamp(&cursor, &timestamp_ns) ||
        parse_gap(&cursor, "a blank between time and interface") || parse_name(&cursor, name) ||
        parse_gap(&cursor, "a blank between interface and frame") ||
        parse_frame(&cursor, &frame->frame))
        return -EINVAL;
    frame->frame.timestamp_ns = timestamp_ns;
    frame->frame.flags |= CANRING_CLOCK_PROXY;
    return 1;
}
