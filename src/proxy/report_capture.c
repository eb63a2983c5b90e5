#include "proxy/report_capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/log_text.h"

#define MARK_MAX 64

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int grow(char **buffer, size_t *room, size_t needed, size_t most)
{
    if (needed <= *room)
        return 0;
    size_t bytes = *room ? *room : 256;
    while (bytes < needed)
        bytes *= 2;
    bytes = min_size(bytes, most > needed ? most : needed);
    char *larger = realloc(*buffer, bytes);
    if (!larger)
        return -1;
    *buffer = larger;
    *room = bytes;
    return 0;
}

/* The tail may hold twice what is kept, so that moving is rare. */
static void add_to_tail(struct cr_capture *c, const char *bytes, size_t length)
{
    if (length > c->half) {
        bytes += length - c->half;
        length = c->half;
    }
    if (c->tail_bytes + length > 2 * c->half) {
        size_t kept = min_size(c->tail_bytes, c->half);
        memmove(c->tail, c->tail + c->tail_bytes - kept, kept);
        c->tail_bytes = kept;
    }
    if (grow(&c->tail, &c->tail_room, c->tail_bytes + length, 2 * c->half) < 0) {
        c->missing += length;
        return;
    }
    memcpy(c->tail + c->tail_bytes, bytes, length);
    c->tail_bytes += length;
}

void cr_capture_add(struct cr_capture *c, const char *bytes, size_t length)
{
    size_t first = min_size(length, c->half - c->head_bytes);
    c->total += length;
    if (first > 0) {
        if (grow(&c->head, &c->head_room, c->head_bytes + first, c->half) < 0) {
            c->missing += length;
            return;
        }
        memcpy(c->head + c->head_bytes, bytes, first);
        c->head_bytes += first;
    }
    if (length > first)
        add_to_tail(c, bytes + first, length - first);
}

/* The part of the tail that is kept: no more than half, and whole characters. */
static const char *kept_tail(const struct cr_capture *c, size_t *length)
{
    *length = min_size(c->tail_bytes, c->half);
    const char *tail = c->tail + c->tail_bytes - *length;
    for (unsigned i = 0; i < 3 && *length > 0 && ((uint8_t)*tail & 0xC0) == 0x80; i++) {
        tail++;
        --*length;
    }
    return tail;
}

/* A character that the end of the head cuts through does not count as kept. */
static size_t kept_head(const struct cr_capture *c)
{
    size_t at = c->head_bytes;
    uint32_t code;
    for (size_t back = 1; back <= 3 && back <= at; back++) {
        uint8_t byte = (uint8_t)c->head[at - back];
        if (byte >= 0xC0)
            return cr_utf8_decode(c->head + at - back, back, &code) ? at : at - back;
        if (byte < 0x80)
            break;
    }
    return at;
}

char *cr_capture_text(const struct cr_capture *c, size_t *length)
{
    char mark[MARK_MAX];
    size_t head = c->head_bytes, tail_bytes = 0, used = 0, mark_bytes = 0;
    const char *tail = c->tail;
    if (c->total == c->head_bytes + c->tail_bytes && c->tail_bytes <= c->half) {
        tail_bytes = c->tail_bytes; /* nothing is cut */
    } else {
        head = kept_head(c);
        tail = kept_tail(c, &tail_bytes);
        mark_bytes = (size_t)snprintf(mark, sizeof(mark), "\n… %llu bytes cut …\n",
                                      (unsigned long long)(c->total - head - tail_bytes));
    }
    char *text = malloc(head + mark_bytes + tail_bytes + 1);
    if (!text)
        return NULL;
    if (head)
        memcpy(text, c->head, head);
    used += head;
    if (mark_bytes)
        memcpy(text + used, mark, mark_bytes);
    used += mark_bytes;
    if (tail_bytes)
        memcpy(text + used, tail, tail_bytes);
    used += tail_bytes;
    text[used] = '\0';
    *length = used;
    return text;
}

void cr_capture_free(struct cr_capture *c)
{
    free(c->head);
    free(c->tail);
    *c = (struct cr_capture){.half = c->half};
}
