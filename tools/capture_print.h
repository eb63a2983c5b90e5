/* What canring capture shows of its figures: a line that changes on a terminal, and the end.
 *
 * Used by cmd_capture.c alone. Everything goes to standard error.
 */
#ifndef CANRING_CAPTURE_PRINT_H
#define CANRING_CAPTURE_PRINT_H

#include <canring/capture.h>

struct capture_print {
    bool quiet;
    bool live;  /* a terminal */
    bool shown; /* a line is there */
    uint64_t begun_ns, last_ns, last_frames;
};

void capture_print_init(struct capture_print *print, bool quiet, uint64_t now_ns);

/* The line, in place of the one before; `lost`: before us. */
void capture_print_line(struct capture_print *print, const struct canring_recording_stats *stats,
                        uint64_t lost, uint64_t now_ns);
/* Take the line away. */
void capture_print_clear(struct capture_print *print);

/* At the end. When quiet only what is missing, by the place where it was lost. */
void capture_print_summary(const struct capture_print *print,
                           const struct canring_recording_stats *stats,
                           const struct canring_capture_bus_stats *buses, unsigned count,
                           uint64_t now_ns);

#endif
