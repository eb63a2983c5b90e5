/* Everything that info counts while it reads a recording once.
 *
 * Filled by info_scan, then shown by info_print.h. Memory does not depend on the file's size.
 */
#ifndef CANRING_INFO_SCAN_H
#define CANRING_INFO_SCAN_H

#include <canring/trace.h>

#include "damage.h"
#include "info_ids.h"
#include "info_options.h"
#include "window.h"

#define INFO_SILENCES 5

struct info_bus {
    char *name;                              /* in UTF-8 */
    uint64_t classic, fd, xl, remote, error; /* together: all frames */
    uint64_t brs;                            /* of fd */
    uint64_t sent;                           /* of all */
    uint64_t lost_entries, lost_frames;
    uint64_t first_ns, last_ns;
    uint64_t bits_nominal, bits_data;
    struct info_bitrate rate; /* nominal 0: not given */
    struct window load;       /* picoseconds of bus time: nominal and data phase */
};

struct info_silence {
    uint64_t begin_ns, length_ns;
};

struct info {
    const char *path;
    const char *format;
    uint64_t bytes; /* as stored, 0 = unknown */
    bool unfinished;
    bool undated;     /* times count from 1970 */
    uint64_t foreign; /* packets of something other than CAN */
    int error;        /* reading ended early with this negative errno, which damage tells of */
    uint64_t frames;
    uint64_t first_ns, last_ns; /* lowest and highest time */
    struct window second, ten_ms;
    struct info_silence silences[INFO_SILENCES]; /* longest first */
    uint64_t back_count, back_largest_ns, back_first_ns;
    uint64_t lost_entries, lost_frames, lost_unknown, lost_first_ns;
    struct info_bus *buses;
    uint32_t bus_count;
    struct info_ids ids;
    struct damage damage;
    uint64_t previous_ns;
};

/* Read `path` to its end. 0, or a negative errno with words in `err`: there is nothing to show. The
 * caller frees `info` in either case. */
int info_scan(struct info *info, const char *path, const struct info_options *options,
              struct canring_error *err);

uint64_t info_bus_frames(const struct info_bus *bus);

void info_free(struct info *info);

#endif
