/* Dates and times of day as recordings write them: local time, English names.
 *
 * For the formats of Vector and PEAK. The zone is that of TZ, as with their tools and python-can.
 * No locale plays a part. Reading the zone may read a file, once for each process.
 */
#ifndef CANRING_TRACE_CALENDAR_H
#define CANRING_TRACE_CALENDAR_H

#include <stdint.h>
#include <time.h>

#include "can/trace/fields.h"

/* The most characters that the cr_calendar_put functions write. */
#define CR_CALENDAR_ROOM 64

/* "Tue Nov 14 10:13:20.123 pm 2023", with milliseconds cut. Returns the place behind it. */
char *cr_calendar_put_words(char *to, uint64_t time_ns);
/* "14.11.2023 22:13:20.123.4", as PEAK's headers have it. */
char *cr_calendar_put_numbers(char *to, uint64_t time_ns);
/* "45244.926002315": days since 1899-12-30 with 12 digits of a fraction. */
char *cr_calendar_put_days(char *to, uint64_t time_ns);

/* Is there such a day? Of `tm` only year, month and day count. */
bool cr_calendar_has(const struct tm *tm);

/* Those that read take dates from 1969-12-31 to 2261. The epoch is on that day west of Greenwich: a
 * time before it, negative, is that of a recording without a date from such a zone. */

/* Read what is left of `fields`: a day of the week, then month, day, time and year in any order;
 * "am"/"pm" or 24 hours; English, German and French names of months, whatever their encoding.
 * 0 or -EINVAL. */
int cr_calendar_parse_words(struct cr_fields *fields, int64_t *time_ns);
/* What is left of `fields` is "14.11.2023 22:13:20.123.4". 0 or -EINVAL. */
int cr_calendar_parse_numbers(struct cr_fields *fields, int64_t *time_ns);
/* Days since 1899-12-30. The usual ten digits tell 8.6 us apart: rounded to 10 us. 0 or -EINVAL. */
int cr_calendar_parse_days(struct cr_field field, int64_t *time_ns);

#endif
