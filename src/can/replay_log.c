#include "can/replay_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (256u * 1024u) /* also the longest line; a frame's takes 5 KiB at most */

struct log_reader {
    struct cr_replay_reader reader;
    int fd;
    bool at_end;
    uint64_t line; /* number of the line last taken */
    size_t begin, end;
    char *path;
    char buffer[BUFFER_BYTES];
};

/* Move what is left to the front and read behind it. 0 or negative errno. */
static int fill(struct log_reader *log)
{
    memmove(log->buffer, log->buffer + log->begin, log->end - log->begin);
    log->end -= log->begin;
    log->begin = 0;
    ssize_t got;
    do
        got = read(log->fd, log->buffer + log->end, BUFFER_BYTES - log->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    log->at_end = got == 0;
    log->end += (size_t)got;
    return 0;
}

/* The next line with its newline. 1 and *line, *length; 0 at the end; negative errno. A last line
 * without newline, or a piece of one that is longer than the buffer, comes without newline. */
static int next_line(struct log_reader *log, const char **line, size_t *length)
{
    for (;;) {
        size_t have = log->end - log->begin;
        const char *newline = have ? memchr(log->buffer + log->begin, '\n', have) : NULL;
        if (newline || (have && (log->at_end || have == BUFFER_BYTES))) {
            *line = log->buffer + log->begin;
            *length = newline ? (size_t)(newline - *line) + 1 : have;
            log->begin += *length;
            return 1;
        }
        if (log->at_end)
            return 0;
        int rc = fill(log);
        if (rc < 0)
            return rc;
    }
}

static int damaged(const struct log_reader *log, struct canring_error *err, const char *what)
{
    return canring_error_set(err, -EINVAL, "%s:%llu: %s", log->path, (unsigned long long)log->line,
                             what);
}

static int skip_overlong(struct log_reader *log, struct canring_error *err)
{
    const char *line;
    size_t length;
    int rc;
    while ((rc = next_line(log, &line, &length)) == 1 && line[length - 1] != '\n')
        ;
    return rc < 0 ? rc : damaged(log, err, "a line longer than any frame's");
}

static int log_next(struct cr_replay_reader *reader, union canring_frame_buffer *frame,
                    char name[CANRING_TEXT_NAME], struct canring_error *err)
{
    struct log_reader *log = (struct log_reader *)reader;
    const char *line;
    size_t length;
    int rc;

    while ((rc = next_line(log, &line, &length)) == 1) {
        log->line++;
        if (line[length - 1] != '\n')
            return log->at_end ? damaged(log, err, "the last line has no newline: it may be cut")
                               : skip_overlong(log, err);
        rc = canring_log_parse(frame, name, line, length, err);
        if (rc < 0)
            canring_error_prefix(err, "%s:%llu", log->path, (unsigned long long)log->line);
        if (rc)
            break;
    }
    return rc;
}

static int log_rewind(struct cr_replay_reader *reader)
{
    struct log_reader *log = (struct log_reader *)reader;
    log->begin = log->end = 0;
    log->line = 0;
    log->at_end = false;
    return lseek(log->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static void log_close(struct cr_replay_reader *reader)
{
    struct log_reader *log = (struct log_reader *)reader;
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log);
}

static int open_file(struct log_reader *log, struct canring_error *err)
{
    struct stat status;
    /* O_NONBLOCK: a pipe must be refused, not waited for. */
    log->fd = open(log->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (log->fd < 0 || fstat(log->fd, &status) < 0)
        return canring_error_set(err, -errno, "replay: cannot open '%s': %s", log->path,
                                 strerror(errno));
    if (S_ISDIR(status.st_mode))
        return canring_error_set(err, -EISDIR, "replay: '%s' is a directory, not a recording",
                                 log->path);
    if (!S_ISREG(status.st_mode))
        return canring_error_set(err, -EINVAL, "replay: '%s' is not a regular file", log->path);
    (void)posix_fadvise(log->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

int cr_replay_open_log(struct cr_replay_reader **reader, const char *path,
                       struct canring_error *err)
{
    struct log_reader *log = calloc(1, sizeof(*log));
    if (!log)
        return canring_error_set(err, -ENOMEM, "replay: out of memory");
    log->fd = -1;
    log->reader.next = log_next;
    log->reader.rewind = log_rewind;
    log->reader.close = log_close;
    log->path = strdup(path);
    int rc =
        log->path ? open_file(log, err) : canring_error_set(err, -ENOMEM, "replay: out of memory");
    if (rc)
        log_close(&log->reader);
    else
        *reader = &log->reader;
    return rc;
}
