/* Text that anybody may have written, made fit to be shown.
 *
 * Used by log lines, the JUnit writer and the text summary: what reaches a terminal or a file must
 * not move the cursor, ring, forge lines or break an encoding. It never drops anything without
 * showing that something was there.
 */
#ifndef CANRING_LOG_TEXT_H
#define CANRING_LOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character that `text` begins with, and its code point; 0 when there is none:
 * invalid, overlong, a surrogate, or cut off. `size` > 0. */
size_t cr_utf8_decode(const char *text, size_t size, uint32_t *code);

/* The longest length up to `max` that does not end inside a character. */
size_t cr_utf8_cut(const char *text, size_t size, size_t max);

/* True for what a terminal acts upon: control characters, and those that turn the writing
 * direction. */
bool cr_text_is_control(uint32_t code);

/* What stands for the `length` bytes that are an invalid or controlling `code`: "\x1b", "\u202e".
 * Returns the length, at most CR_ESCAPE_MAX without the terminator. */
#define CR_ESCAPE_MAX 10
size_t cr_text_escape(char out[CR_ESCAPE_MAX + 1], const char *text, size_t length, uint32_t code);

/* Copy `text` so that it can be shown on one line: "\n", "\t", "\r" and others escaped. With
 * `lines`, tabs stay and a new line begins with four blanks, so that it cannot pass for a record of
 * its own. Returns the length written, cut to fit `size`; not terminated. */
size_t cr_text_show(char *out, size_t size, const char *text, size_t length, bool lines);

#endif
