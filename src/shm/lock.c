#include "shm/lock.h"

#include <errno.h>
#include <time.h>

#define NS_PER_S 1000000000u

int cr_lock_init(struct cr_lock *lock)
{
    pthread_mutexattr_t attributes;
    int result = pthread_mutexattr_init(&attributes);
    if (result)
        return -result;
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    result = pthread_mutex_init(&lock->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return -result;
}

static struct timespec after(uint64_t ns)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t nanoseconds = (uint64_t)at.tv_nsec + ns % NS_PER_S;
    at.tv_sec += (time_t)(ns / NS_PER_S + nanoseconds / NS_PER_S);
    at.tv_nsec = (long)(nanoseconds % NS_PER_S);
    return at;
}

int cr_lock_take(struct cr_lock *lock, uint64_t timeout_ns)
{
    int result = pthread_mutex_trylock(&lock->mutex);
    if (result == EBUSY && timeout_ns) {
        const struct timespec end = after(timeout_ns);
        result = pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC, &end);
    }
    /* What it protects can be re-derived at any point: nothing to repair. */
    if (result == EOWNERDEAD)
        result = pthread_mutex_consistent(&lock->mutex);
    if (result == EBUSY || result == ETIMEDOUT)
        return 0;
    return result ? -result : 1;
}

int cr_lock_give(struct cr_lock *lock)
{
    return -pthread_mutex_unlock(&lock->mutex);
}
