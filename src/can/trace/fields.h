/* A line of text in its fields, which are separated by blanks.
 *
 * For the decoders of text formats. Never reads past the end of the line and needs no NUL; knows
 * no locale; allocates nothing.
 */
#ifndef CANRING_TRACE_FIELDS_H
#define CANRING_TRACE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct cr_field {
    const char *text;
    size_t length;
};

/* What is left of a line. */
struct cr_fields {
    const char *at;
    const char *end;
};

static inline bool cr_is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static inline bool cr_is_blank(char character)
{
    return character == ' ' || character == '\t';
}

/* The next field is taken; false: there is none. */
static inline bool cr_fields_next(struct cr_fields *fields, struct cr_field *field)
{
    const char *at = fields->at;

    while (at < fields->end && cr_is_blank(*at))
        at++;
    field->text = at;
    while (at < fields->end && !cr_is_blank(*at))
        at++;
    field->length = (size_t)(at - field->text);
    fields->at = at;
    return field->length != 0;
}

/* The same word but for upper and lower case. */
static inline bool cr_field_is(struct cr_field field, const char *word)
{
    return strlen(word) == field.length && strncasecmp(field.text, word, field.length) == 0;
}

/* All of the field is a number of at most `max`. */
bool cr_field_decimal(struct cr_field field, uint64_t max, uint64_t *value);
/* All of the field is 1 to `digits` (at most 8) hexadecimal digits. */
bool cr_field_hex(struct cr_field field, unsigned digits, uint32_t *value);
/* All of the field is "12.345678" or "-12.345678", the fraction may be missing: of a unit that has
 * `unit_ns` nanoseconds (1e9, 1e6). Digits that nanoseconds do not have are cut. */
bool cr_field_time(struct cr_field field, int64_t unit_ns, int64_t *ns);

/* Take `length` bytes of two hexadecimal digits each. */
bool cr_fields_hex_bytes(struct cr_fields *fields, uint8_t *data, size_t length);

#endif
