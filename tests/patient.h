/* Receiving as a program does that was not asked to end: a wait that a signal cut short, which
 * threads that start and end bring about as well, is gone on with. */
#ifndef CANRING_TESTS_PATIENT_H
#define CANRING_TESTS_PATIENT_H

#include <canring/bus.h>
#include <time.h>

/* As canring_bus_receive, but 0 only when the time has passed. */
static inline int receive_patiently(struct canring_bus *bus, const struct canring_frame **frame,
                                    int timeout_ms)
{
    struct timespec begin, now;
    int result, left = timeout_ms;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while ((result = canring_bus_receive(bus, frame, left)) == 0 && left > 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        long passed = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
        left = passed < timeout_ms ? timeout_ms - (int)passed : 0;
    }
    return result;
}

#endif
