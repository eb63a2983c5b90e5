#include "can/trace/fields.h"

#include "can/text_cursor.h"

bool cr_field_decimal(struct cr_field field, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    if (field.length == 0 || field.length > 19)
        return false;
    for (size_t i = 0; i < field.length; i++) {
        if (!cr_is_digit(field.text[i]))
            return false;
        sum = sum * 10 + (uint64_t)(field.text[i] - '0');
    }
    *value = sum;
    return sum <= max;
}

bool cr_field_hex(struct cr_field field, unsigned digits, uint32_t *value)
{
    uint32_t sum = 0;

    if (field.length == 0 || field.length > digits)
        return false;
    for (size_t i = 0; i < field.length; i++) {
        int8_t nibble = cr_hex_value[(unsigned char)field.text[i]];
        if (nibble < 0)
            return false;
        sum = sum << 4 | (uint8_t)nibble;
    }
    *value = sum;
    return true;
}

bool cr_field_time(struct cr_field field, int64_t unit_ns, int64_t *ns)
{
    const int64_t most = INT64_MAX - unit_ns; /* the fraction comes on top */
    const char *at = field.text;
    const char *end = at + field.length;
    bool minus = at < end && *at == '-';
    int64_t whole = 0, part = 0;

    at += minus;
    if (at == end || !cr_is_digit(*at))
        return false;
    for (; at < end && cr_is_digit(*at); at++) {
        whole = whole * 10 + (*at - '0');
        if (whole > most / unit_ns)
            return false;
    }
    if (at < end && *at++ != '.')
        return false;
    for (int64_t digit_ns = unit_ns / 10; at < end && cr_is_digit(*at); at++, digit_ns /= 10)
        part += digit_ns * (*at - '0');
    *ns = whole * unit_ns + part;
    *ns = minus ? -*ns : *ns;
    return at == end;
}

bool cr_fields_hex_bytes(struct cr_fields *fields, uint8_t *data, size_t length)
{
    const char *at = fields->at;

    for (size_t i = 0; i < length; i++) {
        while (at < fields->end && cr_is_blank(*at))
            at++;
        if (fields->end - at < 2)
            return false;
        int8_t high = cr_hex_value[(unsigned char)at[0]];
        int8_t low = cr_hex_value[(unsigned char)at[1]];
        at += 2;
        if (high < 0 || low < 0 || (at < fields->end && !cr_is_blank(*at)))
            return false;
        data[i] = (uint8_t)(high << 4 | low);
    }
    fields->at = at;
    return true;
}
