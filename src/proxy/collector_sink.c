#include "proxy/collector_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/log_line.h"
#include "proxy/report_path.h"

#define BUFFER_BYTES (8 * CR_LOG_LINE_MAX)

static int open_sink(struct cr_sink *sink, int fd, bool owned, struct canring_error *err)
{
    *sink = (struct cr_sink){.fd = fd, .owned = owned};
    if (fd < 0)
        return 0;
    sink->buffer = malloc(BUFFER_BYTES);
    if (sink->buffer)
        return 0;
    cr_sink_close(sink);
    return canring_error_set(err, -ENOMEM, "no memory for the log");
}

int cr_sink_console(struct cr_sink *sink, int fd, int level, struct canring_error *err)
{
    int result = open_sink(sink, fd, false, err);
    sink->level = level;
    sink->flags = fd >= 0 && cr_log_colours(fd) ? CR_LINE_COLOUR : 0;
    return result;
}

static bool is_folder(const char *path)
{
    struct stat st;
    size_t length = strlen(path);
    return (length > 0 && path[length - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

int cr_sink_file(struct cr_sink *sink, const char *path, const char *stem,
                 struct canring_error *err)
{
    char name[PATH_MAX];
    *sink = (struct cr_sink){.fd = -1};
    if (!path)
        return 0;
    int result = is_folder(path)
                     ? cr_stamped_path(name, sizeof(name), path, stem, ".log", time(NULL), err)
                     : cr_copy_path(name, sizeof(name), path, err);
    if (result == 0)
        result = cr_make_folders(name, err);
    if (result < 0)
        return result;
    /* A FIFO that nobody reads is refused, and one that nobody empties must not hold up the run. */
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0)
        return canring_error_set(err, -errno, "cannot write the log %s: %s", name,
                                 errno == ENXIO ? "nobody reads it" : strerror(errno));
    result = open_sink(sink, fd, true, err);
    sink->flags = CR_LINE_DATE;
    return result;
}

void cr_sink_record(struct cr_sink *sink, const struct cr_log_record *record)
{
    if (sink->fd < 0 || sink->error || record->level < sink->level)
        return;
    if (BUFFER_BYTES - sink->used < CR_LOG_LINE_MAX)
        cr_sink_flush(sink);
    sink->used += cr_log_line(sink->buffer + sink->used, record, sink->flags);
}

/* A console that somebody else made non-blocking is waited for. */
static bool try_again(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return errno == EINTR || (errno == EAGAIN && poll(&p, 1, 1000) > 0);
}

void cr_sink_flush(struct cr_sink *sink)
{
    size_t at = 0;
    while (at < sink->used && !sink->error) {
        ssize_t written = write(sink->fd, sink->buffer + at, sink->used - at);
        if (written >= 0)
            at += (size_t)written;
        else if (!try_again(sink->fd))
            sink->error = -errno;
    }
    sink->used = 0;
}

int cr_sink_close(struct cr_sink *sink)
{
    if (sink->buffer)
        cr_sink_flush(sink);
    if (sink->owned && sink->fd >= 0 && close(sink->fd) < 0 && !sink->error)
        sink->error = -errno;
    free(sink->buffer);
    sink->buffer = NULL;
    sink->fd = -1;
    return sink->error;
}
