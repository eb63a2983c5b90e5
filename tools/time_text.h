/* Points in time on the command line and on the screen.
 *
 * For the commands that work on recordings. Nothing here reads the clock.
 */
#ifndef CANRING_TIME_TEXT_H
#define CANRING_TIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_TEXT_MAX 48
/* For messages. */
#define TIME_ALLOWED                                                                               \
    "seconds since 1970 (1700000000.5), +seconds from the first entry, or a date "                 \
    "(2023-11-14T22:13:20.5Z, without Z local)"

struct time_point {
    bool given;
    bool relative; /* to the first entry of a recording */
    uint64_t ns;
};

/* Read all of `text`; false when it is no point in time. */
bool time_read(const char *text, struct time_point *point);

/* Its place when a recording begins at `first_ns`; `otherwise` when none was given. */
uint64_t time_resolve(const struct time_point *point, uint64_t first_ns, uint64_t otherwise);

/* "2023-11-14T22:13:20.000001000Z". Returns `to`, which has TIME_TEXT_MAX bytes. */
const char *time_write(char *to, uint64_t ns);

#endif
