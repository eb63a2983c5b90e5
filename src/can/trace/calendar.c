#include "can/trace/calendar.h"

#include <errno.h>

#include "can/trace/digits.h"

#define DAY_SECONDS  86400
#define DAYS_TO_1970 25569 /* from 1899-12-30 */
#define YEAR_MAX     2261  /* the last whole one that 64 bits of nanoseconds reach */

static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static struct tm local(uint64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / CR_NS_PER_S);
    struct tm tm = {.tm_mday = 1, .tm_year = 70};

    localtime_r(&seconds, &tm);
    return tm;
}

static char *put_clock(char *to, const struct tm *tm, int hour, uint64_t time_ns)
{
    to = cr_put_decimal_digits(to, (uint64_t)hour, 2);
    *to++ = ':';
    to = cr_put_decimal_digits(to, (uint64_t)tm->tm_min, 2);
    *to++ = ':';
    to = cr_put_decimal_digits(to, (uint64_t)tm->tm_sec, 2);
    *to++ = '.';
    return cr_put_decimal_digits(to, time_ns % CR_NS_PER_S / 1000000, 3);
}

char *cr_calendar_put_words(char *to, uint64_t time_ns)
{
    struct tm tm = local(time_ns);

    to = cr_put_text(to, weekdays[tm.tm_wday % 7], 3);
    *to++ = ' ';
    to = cr_put_text(to, months[tm.tm_mon % 12], 3);
    *to++ = ' ';
    to = cr_put_decimal_digits(to, (uint64_t)tm.tm_mday, 2);
    *to++ = ' ';
    to = put_clock(to, &tm, (tm.tm_hour + 11) % 12 + 1, time_ns);
    to = tm.tm_hour < 12 ? CR_PUT(to, " am ") : CR_PUT(to, " pm ");
    return cr_put_decimal(to, (uint64_t)tm.tm_year + 1900);
}

char *cr_calendar_put_numbers(char *to, uint64_t time_ns)
{
    struct tm tm = local(time_ns);

    to = cr_put_decimal_digits(to, (uint64_t)tm.tm_mday, 2);
    *to++ = '.';
    to = cr_put_decimal_digits(to, (uint64_t)tm.tm_mon + 1, 2);
    *to++ = '.';
    to = cr_put_decimal(to, (uint64_t)tm.tm_year + 1900);
    *to++ = ' ';
    to = put_clock(to, &tm, tm.tm_hour, time_ns);
    *to++ = '.';
    return cr_put_decimal(to, time_ns / 100000 % 10);
}

char *cr_calendar_put_days(char *to, uint64_t time_ns)
{
    struct tm tm = local(time_ns);
    /* Counted from 1899, so that it is none before 0 where it was 1969 at the epoch. */
    uint64_t seconds = (uint64_t)(timegm(&tm) + (time_t)DAYS_TO_1970 * DAY_SECONDS);
    uint64_t part_ns = seconds % DAY_SECONDS * CR_NS_PER_S + time_ns % CR_NS_PER_S;
    uint64_t fraction = part_ns * 5 / 432; /* 10^-12 days are 86.4 ns */

    to = cr_put_decimal(to, seconds / DAY_SECONDS);
    *to++ = '.';
    return cr_put_decimal_digits(to, fraction, 12);
}

/* Letters of the names of months without what is not ASCII ("M\xe4r" is "mr" in any encoding). */
static const struct {
    char start[5];
    int month;
} month_names[] = {
    {"jan", 0}, {"jn", 0},   {"feb", 1},  {"fev", 1},  {"fv", 1},  {"mar", 2}, {"mr", 2},
    {"mae", 2}, {"apr", 3},  {"avr", 3},  {"may", 4},  {"mai", 4}, {"jun", 5}, {"juin", 5},
    {"jul", 6}, {"juil", 6}, {"aug", 7},  {"aou", 7},  {"ao", 7},  {"sep", 8}, {"oct", 9},
    {"okt", 9}, {"nov", 10}, {"dec", 11}, {"dez", 11}, {"dc", 11},
};

static int parse_month(struct cr_field field)
{
    char letters[5] = "";
    size_t n = 0;

    for (size_t i = 0; i < field.length && n < sizeof(letters) - 1; i++) {
        unsigned char lower = (unsigned char)field.text[i] | 0x20;
        if (lower >= 'a' && lower <= 'z' && !((unsigned char)field.text[i] & 0x80))
            letters[n++] = (char)lower;
    }
    for (size_t i = 0; i < sizeof(month_names) / sizeof(*month_names); i++)
        if (strncmp(letters, month_names[i].start, strlen(month_names[i].start)) == 0)
            return month_names[i].month;
    return -1;
}

static int take_number(struct cr_field *field, size_t digits_max)
{
    int value = 0;
    size_t n = 0;

    for (; n < field->length && n < digits_max && cr_is_digit(field->text[n]); n++)
        value = value * 10 + (field->text[n] - '0');
    field->text += n;
    field->length -= n;
    return n ? value : -1;
}

static bool take_mark(struct cr_field *field, char mark)
{
    if (!field->length || field->text[0] != mark)
        return false;
    field->text++;
    field->length--;
    return true;
}

/* "15:06:13", "15:06:13.191" */
static bool parse_clock(struct cr_field field, struct tm *tm, int64_t *fraction_ns)
{
    tm->tm_hour = take_number(&field, 2);
    if (!take_mark(&field, ':'))
        return false;
    tm->tm_min = take_number(&field, 2);
    if (!take_mark(&field, ':'))
        return false;
    tm->tm_sec = take_number(&field, 2);
    *fraction_ns = 0;
    if (take_mark(&field, '.')) {
        size_t digits = field.length;
        int value = take_number(&field, 9);
        if (value < 0 || digits > 9)
            return false;
        *fraction_ns = (int64_t)value * cr_power_of_ten[9 - digits];
    }
    return field.length == 0 && tm->tm_hour >= 0 && tm->tm_hour < 24 && tm->tm_min >= 0 &&
           tm->tm_min < 60 && tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

struct words {
    struct tm tm;
    int64_t fraction_ns;
    bool clock, year, am, pm;
};

static bool parse_word(struct cr_field field, struct words *words)
{
    if (memchr(field.text, ':', field.length)) {
        words->clock = parse_clock(field, &words->tm, &words->fraction_ns);
        return words->clock;
    }
    if (cr_is_digit(field.text[0])) {
        int number = take_number(&field, 4);
        take_mark(&field, '.');
        if (number > 31) {
            words->year = true;
            words->tm.tm_year = number - 1900;
        } else {
            words->tm.tm_mday = number;
        }
        return field.length == 0;
    }
    if (cr_field_is(field, "am"))
        words->am = true;
    else if (cr_field_is(field, "pm"))
        words->pm = true;
    else
        words->tm.tm_mon = parse_month(field);
    return words->tm.tm_mon >= -1;
}

bool cr_calendar_has(const struct tm *tm)
{
    struct tm noon = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};

    noon.tm_hour = 12;
    (void)timegm(&noon); /* moves a day that there is not to one that there is */
    return noon.tm_mday == tm->tm_mday && noon.tm_mon == tm->tm_mon;
}

/* West of Greenwich the epoch, from which recordings without a date count, is in 1969. */
static bool is_in_range(const struct tm *tm)
{
    bool eve = tm->tm_year == 69 && tm->tm_mon == 11 && tm->tm_mday == 31;

    return eve || (tm->tm_year >= 70 && tm->tm_year <= YEAR_MAX - 1900);
}

static int to_epoch(struct tm *tm, int64_t fraction_ns, int64_t *time_ns)
{
    if (!is_in_range(tm) || !cr_calendar_has(tm))
        return -EINVAL;
    tm->tm_isdst = -1;
    time_t seconds = mktime(tm);
    *time_ns = (int64_t)seconds * CR_NS_PER_S + fraction_ns;
    return 0;
}

int cr_calendar_parse_words(struct cr_fields *fields, int64_t *time_ns)
{
    struct words words = {.tm = {.tm_mon = -1}};
    struct cr_field field;

    if (!cr_fields_next(fields, &field))
        return -EINVAL;
    while (cr_fields_next(fields, &field))
        if (!parse_word(field, &words))
            return -EINVAL;
    if (!words.clock || !words.year || words.tm.tm_mon < 0 || words.tm.tm_mday < 1)
        return -EINVAL;
    if ((words.am || words.pm) && words.tm.tm_hour <= 12)
        words.tm.tm_hour = words.tm.tm_hour % 12 + (words.pm ? 12 : 0);
    return to_epoch(&words.tm, words.fraction_ns, time_ns);
}

/* A point and digits behind the milliseconds are finer ones. */
static struct cr_field without_second_point(struct cr_field clock, char text[16])
{
    const char *point = memchr(clock.text, '.', clock.length);
    size_t before = point ? (size_t)(point - clock.text) + 1 : 0;
    const char *second = point ? memchr(point + 1, '.', clock.length - before) : NULL;

    if (!second || clock.length > 16)
        return clock;
    size_t head = (size_t)(second - clock.text);
    memcpy(text, clock.text, head);
    memcpy(text + head, second + 1, clock.length - head - 1);
    return (struct cr_field){.text = text, .length = clock.length - 1};
}

int cr_calendar_parse_numbers(struct cr_fields *fields, int64_t *time_ns)
{
    struct cr_field date, clock, more;
    struct tm tm = {0};
    int64_t fraction_ns;
    char text[16];

    if (!cr_fields_next(fields, &date) || !cr_fields_next(fields, &clock) ||
        cr_fields_next(fields, &more))
        return -EINVAL;
    tm.tm_mday = take_number(&date, 2);
    if (!take_mark(&date, '.'))
        return -EINVAL;
    tm.tm_mon = take_number(&date, 2) - 1;
    if (!take_mark(&date, '.'))
        return -EINVAL;
    tm.tm_year = take_number(&date, 4) - 1900;
    if (date.length || tm.tm_mday < 1 || tm.tm_mon < 0 ||
        !parse_clock(without_second_point(clock, text), &tm, &fraction_ns))
        return -EINVAL;
    return to_epoch(&tm, fraction_ns, time_ns);
}

int cr_calendar_parse_days(struct cr_field field, int64_t *time_ns)
{
    const int64_t grain = 10000;
    uint64_t fraction = 0;
    unsigned digits = 0;
    struct tm tm;

    int days = take_number(&field, 6);
    if (take_mark(&field, '.'))
        for (; field.length && cr_is_digit(*field.text); field.text++, field.length--)
            if (digits < 15) {
                fraction = fraction * 10 + (uint64_t)(*field.text - '0');
                digits++;
            }
    if (field.length || days < DAYS_TO_1970 - 1)
        return -EINVAL;
    for (; digits < 15; digits++)
        fraction *= 10;
    int64_t ns = (int64_t)(fraction * 54 / 625); /* 10^-15 days are 0.0864 ns */
    ns = (ns + grain / 2) / grain * grain;
    time_t seconds = (time_t)(days - DAYS_TO_1970) * DAY_SECONDS + ns / CR_NS_PER_S;
    if (!gmtime_r(&seconds, &tm))
        return -EINVAL;
    return to_epoch(&tm, ns % CR_NS_PER_S, time_ns);
}
