#include "proxy/log_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/log_text.h"

#define NS_PER_S  1000000000u
#define NS_PER_MS 1000000u

static size_t put_time(char *out, size_t size, uint64_t time_ns, bool date)
{
    const time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm local = {0};
    localtime_r(&seconds, &local);
    size_t used = strftime(out, size, date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &local);
    int more =
        snprintf(out + used, size - used, ".%03u ", (unsigned)(time_ns % NS_PER_S / NS_PER_MS));
    return used + (size_t)more;
}

static const char *colour_of(int level)
{
    if (level >= CANRING_LOG_CRITICAL)
        return "\033[1;31m";
    if (level >= CANRING_LOG_ERROR)
        return "\033[31m";
    if (level >= CANRING_LOG_WARNING)
        return "\033[33m";
    return level < CANRING_LOG_INFO ? "\033[2m" : "";
}

static size_t put_level(char *out, size_t size, int level, bool colour)
{
    const char *begin = colour ? colour_of(level) : "";
    int used =
        snprintf(out, size, "%s%s%s ", begin, canring_log_level_name((enum canring_log_level)level),
                 *begin ? "\033[0m" : "");
    return (size_t)used;
}

static size_t put(char *out, size_t used, const char *text, size_t length, bool lines)
{
    /* One byte is kept for the end of the line. */
    return used + cr_text_show(out + used, CR_LOG_LINE_MAX - 1 - used, text, length, lines);
}

size_t cr_log_line(char *out, const struct cr_log_record *record, unsigned flags)
{
    size_t length = record->text_bytes;
    while (length > 0 && record->text[length - 1] == '\n')
        length--;
    size_t used = put_time(out, CR_LOG_LINE_MAX, record->time_ns, flags & CR_LINE_DATE);
    used += put_level(out + used, CR_LOG_LINE_MAX - used, record->level, flags & CR_LINE_COLOUR);
    used = put(out, used, record->process, strnlen(record->process, CR_LOG_PROCESS_MAX), false);
    used = put(out, used, " [", 2, false);
    used = put(out, used, record->logger, strnlen(record->logger, CR_LOG_LOGGER_MAX), false);
    used = put(out, used, "] ", 2, false);
    used = put(out, used, record->text, length, true);
    out[used++] = '\n';
    return used;
}

bool cr_log_colours(int fd)
{
    const char *refused = getenv("NO_COLOR");
    return !(refused && *refused) && isatty(fd);
}
