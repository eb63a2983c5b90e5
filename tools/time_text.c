#include "time_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)
/* A time in nanoseconds of 64 bits ends in the year 2554. */
#define SECONDS_MAX (UINT64_MAX / SECOND - 1)

/* Digits behind a point as nanoseconds; what is finer is cut. */
static const char *read_fraction(const char *text, uint64_t *ns)
{
    uint64_t unit = SECOND / 10;

    if (*text != '.')
        return text;
    for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
        *ns += (uint64_t)(*text - '0') * unit;
    return text;
}

static bool read_seconds(const char *text, uint64_t *ns)
{
    uint64_t seconds = 0, fraction = 0;
    const char *start = text;

    for (; *text >= '0' && *text <= '9'; text++) {
        seconds = seconds * 10 + (uint64_t)(*text - '0');
        if (seconds > SECONDS_MAX)
            return false;
    }
    if (text == start)
        return false;
    text = read_fraction(text, &fraction);
    *ns = seconds * SECOND + fraction;
    return *text == '\0';
}

static bool read_date(const char *text, uint64_t *ns)
{
    struct tm tm = {.tm_isdst = -1};
    uint64_t fraction = 0;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!rest)
        rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
    if (!rest)
        return false;
    rest = read_fraction(rest, &fraction);
    bool utc = *rest == 'Z';
    time_t seconds = utc ? timegm(&tm) : mktime(&tm);
    if (rest[utc] || seconds < 0 || (uint64_t)seconds > SECONDS_MAX)
        return false;
    *ns = (uint64_t)seconds * SECOND + fraction;
    return true;
}

bool time_read(const char *text, struct time_point *point)
{
    point->given = true;
    point->relative = *text == '+';
    return read_seconds(text + point->relative, &point->ns) ||
           (!point->relative && read_date(text, &point->ns));
}

uint64_t time_resolve(const struct time_point *point, uint64_t first_ns, uint64_t otherwise)
{
    if (!point->given)
        return otherwise;
    if (!point->relative)
        return point->ns;
    return point->ns < UINT64_MAX - first_ns ? first_ns + point->ns : UINT64_MAX;
}

const char *time_write(char *to, uint64_t ns)
{
    time_t seconds = (time_t)(ns / SECOND);
    struct tm tm;
    size_t length = 0;

    if (gmtime_r(&seconds, &tm))
        length = strftime(to, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(to + length, TIME_TEXT_MAX - length, ".%09uZ", (unsigned)(ns % SECOND));
    return to;
}
