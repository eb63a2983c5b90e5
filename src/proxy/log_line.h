/* A log record as a line for people: "HH:MM:SS.mmm LEVEL process [logger] text".
 *
 * Used by the collector for console, file and report, and by processes that have no coordinator.
 * What a record contains is escaped (log_text.h); lines after the first are indented.
 */
#ifndef CANRING_LOG_LINE_H
#define CANRING_LOG_LINE_H

#include "proxy/log_record.h"

#define CR_LOG_LINE_MAX 12288u /* room for the longest record, every byte of it escaped */

enum { CR_LINE_DATE = 1, CR_LINE_COLOUR = 2 };

/* Write the line, its newline included, to `out` of CR_LOG_LINE_MAX bytes; returns its length. Not
 * terminated. */
size_t cr_log_line(char *out, const struct cr_log_record *record, unsigned flags);

/* Whether lines for `fd` may have colours: a terminal, and no $NO_COLOR. */
bool cr_log_colours(int fd);

#endif
