/* Frames as text, the way can-utils write and read them.
 *
 * One frame:  123#1122334455667788   12345678#112233   123#R4   123#11.22_E
 *             123##5112233   45123#81:00:12345678#11223344
 * One line of a log:  (1700000000.000001) can0 123#11
 * Formats: cansend(1), candump(1) -L of can-utils; the XL form is that of can-utils 2023.
 * Nothing here makes a system call or keeps state; all of it may be called from any thread.
 */
#ifndef CANRING_TEXT_H
#define CANRING_TEXT_H

#include <canring/error.h>
#include <canring/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest text of one frame with its NUL: an XL frame of 2048 bytes. */
#define CANRING_TEXT_MAX 4352
/* Longest interface name with its NUL that a log line may hold. */
#define CANRING_TEXT_NAME 64

/* Parse the first `length` bytes of `text` as one frame; all of it must be the frame. Sets size,
 * flags, id, data; the rest of the header is zero. FD data of a length that CAN FD does not have is
 * filled with zeros up to the next one, as cansend does. -EINVAL names column, what was found, what
 * is allowed. */
int canring_frame_parse(union canring_frame_buffer *frame, const char *text, size_t length,
                        struct canring_error *err);

/* Write the frame as cansend would take it (and candump -L prints it), with a NUL. Returns its
 * length without NUL, or -ENOSPC when `space` is too small. FD frames are written with the flag
 * nibble that new candump writes (FDF = 4 set). */
int canring_frame_format(const struct canring_frame *frame, char *text, size_t space);

/* Parse one line of a candump log (with or without its newline; CR LF too). Sets timestamp_ns,
 * CANRING_CLOCK_PROXY, and CANRING_TX for a trailing " T"; `name` gets the interface. 6 or 9 (or
 * any 1..9) digits of fraction; padding, " R"/" T" suffixes. FD data of a length that CAN FD does
 * not have is damage: nothing is filled up here. A line cut between two bytes of a classic frame
 * looks whole: whoever reads a file knows whether its last line had a newline. Returns 1 for a
 * frame, 0 for a line that holds none (blank, comment, DROPCOUNT), -EINVAL for a damaged one. */
int canring_log_parse(union canring_frame_buffer *frame, char name[CANRING_TEXT_NAME],
                      const char *line, size_t length, struct canring_error *err);

/* One line with its newline and a NUL: "(seconds.fraction) name frame\n". `digits` 6 or 9 (1..9
 * are written, cut and not rounded; others are -EINVAL). Returns its length, or -ENOSPC. */
int canring_log_format(const struct canring_frame *frame, const char *name, int digits, char *line,
                       size_t space);

#ifdef __cplusplus
}
#endif
#endif
