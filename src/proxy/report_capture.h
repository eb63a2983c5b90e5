/* Captured output of any length in bounded memory: its beginning and its end.
 *
 * Used by the report for what test cases print and log. What is cut out of the middle is counted
 * and said where it was.
 */
#ifndef CANRING_REPORT_CAPTURE_H
#define CANRING_REPORT_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

/* Begins zeroed but for `half`. */
struct cr_capture {
    size_t half; /* bytes kept of the beginning, and of the end */
    char *head, *tail;
    size_t head_bytes, head_room, tail_bytes, tail_room;
    uint64_t total;   /* bytes that were added */
    uint64_t missing; /* bytes that memory was short of */
};

void cr_capture_add(struct cr_capture *capture, const char *bytes, size_t length);

/* All of it with "… N bytes cut …" on a line of its own where something is missing, terminated, for
 * free(); NULL without memory. */
char *cr_capture_text(const struct cr_capture *capture, size_t *length);

void cr_capture_free(struct cr_capture *capture);

#endif
