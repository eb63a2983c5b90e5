/* Dates and DLCs of Vector's binary log.
 *
 * Dates are in local time, as Vector's programs, Wireshark and python-can before 4.5 have it: the
 * file does not say of which zone.
 */
#include <errno.h>
#include <time.h>

#include "can/trace/blf.h"
#include "can/trace/bytes.h"
#include "can/trace/calendar.h"

#define BILLION INT64_C(1000000000)
#define MILLION INT64_C(1000000)

/* Years whose nanoseconds fit, all of the year, in any zone. */
#define FIRST_YEAR 1678
#define LAST_YEAR  2261

static const uint8_t fd_lengths[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

unsigned cr_blf_fd_length(unsigned dlc)
{
    return fd_lengths[dlc & 15];
}

unsigned cr_blf_fd_dlc(unsigned length)
{
    unsigned dlc = 0;

    while (dlc < 15 && fd_lengths[dlc] < length)
        dlc++;
    return dlc;
}

void cr_blf_put_time(uint8_t *to, uint64_t ns)
{
    time_t seconds = (time_t)(ns / (uint64_t)BILLION);
    struct tm local;

    memset(to, 0, 16);
    if (!localtime_r(&seconds, &local))
        return;
    blf_put16(to, (uint32_t)local.tm_year + 1900);
    blf_put16(to + 2, (uint32_t)local.tm_mon + 1);
    blf_put16(to + 4, (uint32_t)local.tm_wday);
    blf_put16(to + 6, (uint32_t)local.tm_mday);
    blf_put16(to + 8, (uint32_t)local.tm_hour);
    blf_put16(to + 10, (uint32_t)local.tm_min);
    blf_put16(to + 12, (uint32_t)local.tm_sec);
    blf_put16(to + 14, (uint32_t)(ns % (uint64_t)BILLION / (uint64_t)MILLION));
}

int cr_blf_get_time(const uint8_t *from, int64_t *ns)
{
    static const uint8_t none[16];
    struct tm local = {
        .tm_year = cr_get_le16(from) - 1900,
        .tm_mon = cr_get_le16(from + 2) - 1,
        .tm_mday = cr_get_le16(from + 6),
        .tm_hour = cr_get_le16(from + 8),
        .tm_min = cr_get_le16(from + 10),
        .tm_sec = cr_get_le16(from + 12),
        .tm_isdst = -1,
    };
    unsigned ms = cr_get_le16(from + 14);

    *ns = 0;
    if (memcmp(from, none, sizeof(none)) == 0)
        return 0;
    if (local.tm_year < FIRST_YEAR - 1900 || local.tm_year > LAST_YEAR - 1900 ||
        !cr_calendar_has(&local) || local.tm_hour > 23 || local.tm_min > 59 || local.tm_sec > 60 ||
        ms > 999)
        return -EINVAL;
    *ns = (int64_t)mktime(&local) * BILLION + (int64_t)ms * MILLION;
    return 1;
}
