/* When each frame of a recording is due.
 *
 * For play. Everything counts from one base: a frame that is late does not make the next one late.
 * Times are nanoseconds, those of the recording and those of CLOCK_MONOTONIC; it reads no clock.
 */
#ifndef CANRING_PLAY_CLOCK_H
#define CANRING_PLAY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Who is later than this has been stopped, or the bus took nothing: the rest is not sent in one
 * burst then, but at its recorded distances from now on. */
#define PLAY_LATE_NS UINT64_C(1000000000)

struct play_clock {
    double speed;
    uint64_t gap_ns;  /* due times are multiples of it from the base, 0 = as they are */
    uint64_t skip_ns; /* longer gaps in the recording are none, 0 = all are kept */
    bool running;
    uint64_t base_recorded, base_ns;
    uint64_t last_recorded, last_due;
    uint64_t skipped; /* gaps */
    uint64_t back;    /* steps back in time of the recording: the next frame follows at once */
    uint64_t shifted; /* times that the rest was moved, being too late */
};

/* When the frame recorded at `recorded` is due. `now` starts the clock. */
uint64_t play_clock_due(struct play_clock *clock, uint64_t recorded, uint64_t now);

/* The frame that is due next would be sent only now. Returns its time: `now` when that is too late
 * to catch up. */
uint64_t play_clock_late(struct play_clock *clock, uint64_t now);

/* The recording begins once more, right behind the last frame. */
void play_clock_again(struct play_clock *clock);

#endif
