#include "can/virtual_bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/runtime_dir.h"

#define BELL_PATH (sizeof(((struct cr_bells *)NULL)->path) + 4)

static void bell_path(const struct cr_bells *bells, unsigned node, char path[BELL_PATH])
{
    snprintf(path, BELL_PATH, "%s.%u", bells->path, node);
}

/* Read and write: a FIFO opened so never lacks a reader, hence no SIGPIPE and no end of file. */
static int open_bell(const struct cr_bells *bells, unsigned node)
{
    char path[BELL_PATH];
    struct stat st;

    bell_path(bells, node, path);
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))) {
        close(fd);
        return -EINVAL;
    }
    return fd < 0 ? -errno : fd;
}

int cr_bells_open(struct cr_bells *bells, const char *bus, unsigned own, struct canring_error *err)
{
    char directory[128], path[BELL_PATH];
    int rc = cr_runtime_dir(directory, sizeof(directory), err);

    for (unsigned node = 0; node < CR_VBUS_NODES; node++)
        bells->fd[node] = -1;
    bells->own = own;
    if (rc)
        return rc;
    int length = snprintf(bells->path, sizeof(bells->path), "%s/bus.%s", directory, bus);
    if (length < 0 || (size_t)length >= sizeof(bells->path))
        return canring_error_set(err, -ENAMETOOLONG, "%s/bus.%s is too long", directory, bus);
    bell_path(bells, own, path);
    rc = mkfifo(path, 0600) < 0 && errno != EEXIST ? -errno : open_bell(bells, own);
    if (rc < 0)
        return canring_error_set(err, rc, "cannot make the FIFO %s: %s", path, strerror(-rc));
    bells->fd[own] = rc;
    cr_bells_drain(bells);
    return 0;
}

void cr_bells_close(struct cr_bells *bells, bool remove_all)
{
    char path[BELL_PATH];
    for (unsigned node = 0; node < CR_VBUS_NODES; node++) {
        if (bells->fd[node] >= 0)
            close(bells->fd[node]);
        bells->fd[node] = -1;
        bell_path(bells, node, path);
        if (remove_all)
            unlink(path);
    }
}

void cr_bells_ring(struct cr_bells *bells, uint64_t nodes)
{
    for (; nodes; nodes &= nodes - 1) {
        unsigned node = (unsigned)__builtin_ctzll(nodes);
        if (bells->fd[node] < 0)
            bells->fd[node] = open_bell(bells, node);
        /* A full FIFO rings as well; one that is gone belonged to the dead. */
        if (bells->fd[node] >= 0 && write(bells->fd[node], "", 1) < 0 && errno != EAGAIN) {
            close(bells->fd[node]);
            bells->fd[node] = -1;
        }
    }
}

void cr_bells_drain(const struct cr_bells *bells)
{
    char bytes[256];
    while (read(bells->fd[bells->own], bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        ;
}
