#include <canring/quantity.h>

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What 64 bits hold whatever the digits are. */
#define WHOLE_DIGITS 19
#define PART_DIGITS  9

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit byte_units[] = {
    {"", 1},
    {"B", 1},
    {"k", 1000},
    {"kB", 1000},
    {"M", 1000000},
    {"MB", 1000000},
    {"G", 1000000000},
    {"GB", 1000000000},
    {"Ki", 1024},
    {"KiB", 1024},
    {"Mi", 1024 * 1024},
    {"MiB", 1024 * 1024},
    {"Gi", 1024 * 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
    {NULL, 0},
};

static const struct unit time_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"µs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"min", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
    {"d", UINT64_C(86400000000000)},
    {NULL, 0},
};

/* Digits in front of the point, then those behind it as a fraction of `scale`. */
struct number {
    uint64_t whole, part, scale;
};

static bool read_digits(const char **text, unsigned most, uint64_t *value, uint64_t *scale)
{
    const char *at = *text;

    for (; isdigit((unsigned char)*at); at++) {
        if ((size_t)(at - *text) == most)
            return false;
        *value = *value * 10 + (uint64_t)(*at - '0');
        *scale *= 10;
    }
    bool some = at != *text;
    *text = at;
    return some;
}

static bool read_value(const char **text, struct number *number)
{
    uint64_t unused = 0;

    *number = (struct number){.scale = 1};
    if (!read_digits(text, WHOLE_DIGITS, &number->whole, &unused))
        return false;
    if (**text != '.')
        return true;
    ++*text;
    return read_digits(text, PART_DIGITS, &number->part, &number->scale);
}

static const struct unit *find(const struct unit *units, const char *name)
{
    for (; units->name; units++)
        if (strcmp(units->name, name) == 0)
            return units;
    return NULL;
}

static bool read_amount(const char *text, const struct unit *units, uint64_t *value)
{
    struct number number;

    if (!read_value(&text, &number))
        return false;
    while (*text == ' ')
        text++;
    const struct unit *unit = find(units, text);
    if (!unit && *text == '\0' && number.whole == 0 && number.part == 0) {
        *value = 0;
        return true;
    }
    if (!unit || number.whole > UINT64_MAX / unit->factor - 1)
        return false;
    /* In two steps, of which none overflows with so few digits. */
    uint64_t step = unit->factor / number.scale, rest = unit->factor % number.scale;
    *value = number.whole * unit->factor + number.part * step + number.part * rest / number.scale;
    return true;
}

int canring_bytes_parse(const char *text, uint64_t *bytes, struct canring_error *err)
{
    if (read_amount(text, byte_units, bytes))
        return 0;
    return canring_error_set(err, -EINVAL,
                             "found '%.40s', allowed: a number of bytes, or one with k, M, G, Ki, "
                             "Mi, Gi",
                             text);
}

int canring_duration_parse(const char *text, uint64_t *ns, struct canring_error *err)
{
    if (read_amount(text, time_units, ns))
        return 0;
    return canring_error_set(
        err, -EINVAL, "found '%.40s', allowed: a number with ns, us, ms, s, min, h or d", text);
}
