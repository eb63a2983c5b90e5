#include "play_clock.h"

static void rebase(struct play_clock *clock, uint64_t recorded, uint64_t ns)
{
    clock->base_recorded = recorded;
    clock->base_ns = ns;
}

/* Nobody waits for longer: thirty years. */
#define OFFSET_MAX UINT64_C(1000000000000000000)

static uint64_t place(const struct play_clock *clock, uint64_t recorded)
{
    uint64_t offset = recorded - clock->base_recorded;

    if (clock->speed < 1 || clock->speed > 1) {
        double scaled = (double)offset / clock->speed;
        offset = scaled < (double)OFFSET_MAX ? (uint64_t)scaled : OFFSET_MAX;
    }
    if (offset > OFFSET_MAX)
        offset = OFFSET_MAX;
    if (clock->gap_ns)
        offset = (offset + clock->gap_ns - 1) / clock->gap_ns * clock->gap_ns;
    return clock->base_ns + offset;
}

uint64_t play_clock_due(struct play_clock *clock, uint64_t recorded, uint64_t now)
{
    if (!clock->running) {
        rebase(clock, recorded, clock->last_due ? clock->last_due : now);
        clock->running = true;
    } else if (recorded < clock->last_recorded) {
        clock->back++;
        rebase(clock, recorded, clock->last_due);
    } else if (clock->skip_ns && recorded - clock->last_recorded > clock->skip_ns) {
        clock->skipped++;
        rebase(clock, recorded, clock->last_due);
    }
    clock->last_recorded = recorded;
    clock->last_due = place(clock, recorded);
    return clock->last_due;
}

uint64_t play_clock_late(struct play_clock *clock, uint64_t now)
{
    if (now > clock->last_due && now - clock->last_due > PLAY_LATE_NS) {
        clock->shifted++;
        rebase(clock, clock->last_recorded, now);
        clock->last_due = now;
    }
    return clock->last_due;
}

void play_clock_again(struct play_clock *clock)
{
    clock->running = false;
}
