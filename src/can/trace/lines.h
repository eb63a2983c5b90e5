/* The lines of a recording that is text, for its decoder.
 *
 * Tells whole lines from those that were cut or are longer than any that the format has, and puts
 * "PATH:LINE: " in front of what is wrong.
 */
#ifndef CANRING_TRACE_LINES_H
#define CANRING_TRACE_LINES_H

#include "can/trace/fields.h"
#include "can/trace/format.h"

#define CR_LINE_CUT 2

/* What became of a line. */
enum cr_line_kind {
    CR_LINE_NOTHING, /* it holds no frame and is right so */
    CR_LINE_ENTRY,
    CR_LINE_DAMAGE, /* `what` says what is wrong */
};

/* The next line without its newline or CR LF. 1: a whole one; CR_LINE_CUT: the last one, without a
 * newline (source->unfinished is set); 0: the end; -EINVAL: it is longer than any frame's and was
 * skipped; another negative errno: cannot be read. */
int cr_lines_next(struct cr_trace_source *source, struct cr_fields *line,
                  struct canring_error *err);

/* -EINVAL with "PATH:LINE: " and `what` is wrong with the line last taken. */
int cr_lines_damaged(const struct cr_trace_source *source, struct canring_error *err,
                     const char *what);

#endif
