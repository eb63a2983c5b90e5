/* The bytes of a recording, plain or compressed, for the decoders.
 *
 * A window of fixed size moves over the stream: look at what comes, then take it. Decoders hold a
 * size that they found in a file against a limit before they ask for so many bytes. Only regular
 * files and standard input are opened: a pipe by name would hang the caller.
 */
#ifndef CANRING_TRACE_INPUT_H
#define CANRING_TRACE_INPUT_H

#include <canring/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that can be looked at in one piece; also the longest line. */
#define CR_TRACE_WINDOW (256u * 1024u)

struct cr_trace_input;

int cr_trace_input_open(struct cr_trace_input **input, const char *path, struct canring_error *err);

/* Look at the next bytes without taking them. Returns how many are there: `want` (at most
 * CR_TRACE_WINDOW) or more, fewer only at the end; negative errno: cannot be read. *data stays
 * valid until the next call of any of these. Compressed data ends, too, where it is damaged: see
 * cr_trace_input_failure. */
int cr_trace_input_peek(struct cr_trace_input *input, size_t want, const uint8_t **data);

/* Take `count` of the bytes last looked at. */
void cr_trace_input_take(struct cr_trace_input *input, size_t count);

/* Take `count` bytes into `to`. Returns how many there were, or negative errno. */
int64_t cr_trace_input_read(struct cr_trace_input *input, void *to, size_t count);

/* Take and forget `count` bytes. Returns how many there were, or negative errno. */
int64_t cr_trace_input_skip(struct cr_trace_input *input, uint64_t count);

/* Take the next line, with its newline if it has one. 1: *line, *length, valid until the next
 * call; 0: the end; negative errno. A line longer than the window comes in pieces of which all but
 * the last have no newline; so has a last line that was cut. */
int cr_trace_input_line(struct cr_trace_input *input, const char **line, size_t *length);

bool cr_trace_input_at_end(const struct cr_trace_input *input);

/* Bytes taken so far, counted after decompression. */
uint64_t cr_trace_input_offset(const struct cr_trace_input *input);
/* Lines taken so far: the number of the line last taken. */
uint64_t cr_trace_input_lines(const struct cr_trace_input *input);
/* Bytes of the file as stored that were read, and its size (0: not a regular file). */
void cr_trace_input_progress(const struct cr_trace_input *input, uint64_t *done, uint64_t *size);

/* Whether the end came too early: 0: no; -EPIPE: compressed data is cut; -EBADMSG: it is damaged;
 * `what` says where. The reader asks when a decoder is at the end, decoders need not. */
int cr_trace_input_failure(const struct cr_trace_input *input, const char **what);
/* Behind such a failure: go on with what can be read after it. */
void cr_trace_input_resume(struct cr_trace_input *input);

/* Back to the first byte. -ESPIPE: standard input. */
int cr_trace_input_rewind(struct cr_trace_input *input);

/* NULL is allowed. */
void cr_trace_input_close(struct cr_trace_input *input);

#endif
