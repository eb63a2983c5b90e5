/* One received frame as a line of text: candump's console line or its log line.
 *
 * Used by cmd_dump.c alone. Keeps what the lines share: the width of the names, the time of the
 * frame before, whether extended ids have been seen.
 */
#ifndef CANRING_DUMP_PRINT_H
#define CANRING_DUMP_PRINT_H

#include <canring/text.h>

#include "dump_options.h"

#define DUMP_NAMES_MAX 30
/* The longest line: an error frame with all its words, or an XL frame in log form. */
#define DUMP_LINE_MAX (CANRING_TEXT_MAX + LONG_FORMAT_MAX + 512)

struct dump_print {
    const struct dump_options *options;
    struct long_view view;
    char names[DUMP_NAMES_MAX][CANRING_TEXT_NAME]; /* in the order seen: their colours */
    unsigned name_count;
    int width;          /* of the longest name */
    uint64_t last_tick; /* for -t d and -t z, in the unit shown */
    uint64_t last_second;
    char date[32]; /* of last_second */
};

void dump_print_init(struct dump_print *print, const struct dump_options *options);

/* A name that lines will have: they are aligned to the longest. */
void dump_print_expect(struct dump_print *print, const char *name);

/* These write at most DUMP_LINE_MAX bytes, with a newline, and return the length. */
size_t dump_print_console(struct dump_print *print, const struct canring_frame *frame,
                          const char *name, char *line);
/* `aligned`: as candump -L pads names when they differ in length; files are written without,
 * because readers stumble over it. */
size_t dump_print_log(struct dump_print *print, const struct canring_frame *frame, const char *name,
                      bool aligned, char *line);

#endif
