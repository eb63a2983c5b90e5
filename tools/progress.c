#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* The clock is asked only once in so many calls. */
#define LOOK_CALLS  4096u
#define INTERVAL_NS UINT64_C(250000000)

void progress_start(struct progress *progress)
{
    memset(progress, 0, sizeof(*progress));
    progress->wanted = isatty(STDERR_FILENO);
    progress->start_ns = progress->last_ns = now_ns();
}

bool progress_due(struct progress *progress)
{
    if (!progress->wanted || ++progress->calls % LOOK_CALLS)
        return false;
    uint64_t now = now_ns();
    if (now - progress->last_ns < INTERVAL_NS)
        return false;
    progress->last_ns = now;
    return true;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t size, uint64_t frames)
{
    double seconds = (double)(progress->last_ns - progress->start_ns) * 1e-9;

    progress->shown = true;
    fputs("\r\33[K", stderr);
    if (size)
        fprintf(stderr, "%3.0f %% of %.1f MB", 100 * (double)done / (double)size,
                (double)size * 1e-6);
    else
        fprintf(stderr, "%.1f MB", (double)done * 1e-6);
    fprintf(stderr, ", %llu frames, %.0f frames/s", (unsigned long long)frames,
            (double)frames / seconds);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\33[K", stderr);
    progress->shown = false;
}
