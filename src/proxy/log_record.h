/* A log record: as it stands in a process's ring, and as the collector has it.
 *
 * Written by log.c, read by collector.c, printed by log_line.c. The name of the process is not in
 * the ring: the collector knows whose ring it is, so nobody can log in another's name.
 */
#ifndef CANRING_LOG_RECORD_H
#define CANRING_LOG_RECORD_H

#include <canring/log.h>
#include <canring/ring.h>

#define CR_LOG_KIND        "log" /* of shared objects, in their names */
#define CR_LOG_PROCESS_MAX 63u   /* bytes of a process's name */
#define CR_LOG_LOGGER_MAX  127u  /* bytes of a logger's name */

/* In the segment's tx ring, followed by the logger's name and the text, neither terminated. The
 * user's counters of the segment: `sent` records published, `full` records lost. */
struct cr_log_wire {
    struct canring_record record;
    uint64_t time_ns; /* CLOCK_REALTIME */
    uint32_t pid;
    uint8_t level;
    uint8_t logger_bytes;
    uint16_t text_bytes;
};

_Static_assert(offsetof(struct cr_log_wire, time_ns) == 8, "shared layout");
_Static_assert(offsetof(struct cr_log_wire, pid) == 16, "shared layout");
_Static_assert(offsetof(struct cr_log_wire, text_bytes) == 22, "shared layout");
_Static_assert(sizeof(struct cr_log_wire) == 24, "shared layout");

#define CR_LOG_WIRE_MAX (sizeof(struct cr_log_wire) + CR_LOG_LOGGER_MAX + CANRING_LOG_TEXT_MAX)

/* Bytes as they came: whoever prints them escapes them. */
struct cr_log_record {
    uint64_t time_ns; /* CLOCK_REALTIME */
    uint32_t pid;
    int level;
    const char *process, *logger, *text; /* terminated; bytes after a NUL inside `text` count */
    size_t text_bytes;
};

#endif
