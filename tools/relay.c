#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define CHUNK 65536

static int write_all(const char *data, size_t size)
{
    while (size) {
        ssize_t put = write(STDOUT_FILENO, data, size);
        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            data += put;
            size -= (size_t)put;
        }
    }
    return 0;
}

static void *run(void *arg)
{
    static char chunk[CHUNK];
    struct relay *relay = arg;
    ssize_t got;

    while ((got = read(relay->from, chunk, sizeof(chunk))) != 0 && relay->error == 0) {
        if (got > 0)
            relay->error = write_all(chunk, (size_t)got);
        else if (errno != EINTR)
            relay->error = -errno;
    }
    close(relay->from); /* after an error the writer must not wait for room */
    return NULL;
}

int relay_start(struct relay *relay)
{
    int ends[2];
    sigset_t all, old;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *relay = (struct relay){.from = ends[0], .to = ends[1]};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int result = -pthread_create(&relay->thread, NULL, run, relay);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (result < 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return result;
}

int relay_stop(struct relay *relay)
{
    close(relay->to);
    pthread_join(relay->thread, NULL);
    return relay->error;
}
