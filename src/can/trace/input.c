#include "can/trace/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cr_trace_input {
    int fd;
    bool own_fd;
    bool at_end; /* nothing more comes behind what is in the window */
    uint64_t size;
    uint64_t stored; /* bytes read from the file */
    uint64_t offset;
    uint64_t lines;
    size_t begin, end; /* of what is in the window and not taken */
    uint8_t window[CR_TRACE_WINDOW];
};

/* Read behind what the window holds. 0 or negative errno. */
static int fill(struct cr_trace_input *input)
{
    ssize_t got;

    if (input->begin) {
        memmove(input->window, input->window + input->begin, input->end - input->begin);
        input->end -= input->begin;
        input->begin = 0;
    }
    do
        got = read(input->fd, input->window + input->end, CR_TRACE_WINDOW - input->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    input->at_end = got == 0;
    input->end += (size_t)got;
    input->stored += (uint64_t)got;
    return 0;
}

int cr_trace_input_peek(struct cr_trace_input *input, size_t want, const uint8_t **data)
{
    if (want > CR_TRACE_WINDOW)
        want = CR_TRACE_WINDOW;
    while (input->end - input->begin < want && !input->at_end) {
        int result = fill(input);
        if (result < 0)
            return result;
    }
    *data = input->window + input->begin;
    return (int)(input->end - input->begin);
}

void cr_trace_input_take(struct cr_trace_input *input, size_t count)
{
    size_t have = input->end - input->begin;

    if (count > have)
        count = have;
    input->begin += count;
    input->offset += count;
}

int64_t cr_trace_input_read(struct cr_trace_input *input, void *to, size_t count)
{
    size_t done = 0;

    while (done < count) {
        const uint8_t *data;
        int have = cr_trace_input_peek(input, 1, &data);
        if (have < 0)
            return have;
        if (have == 0)
            break;
        size_t part = (size_t)have < count - done ? (size_t)have : count - done;
        memcpy((uint8_t *)to + done, data, part);
        cr_trace_input_take(input, part);
        done += part;
    }
    return (int64_t)done;
}

int64_t cr_trace_input_skip(struct cr_trace_input *input, uint64_t count)
{
    uint64_t done = 0;

    while (done < count) {
        const uint8_t *data;
        int have = cr_trace_input_peek(input, 1, &data);
        if (have < 0)
            return have;
        if (have == 0)
            break;
        uint64_t part = (uint64_t)have < count - done ? (uint64_t)have : count - done;
        cr_trace_input_take(input, (size_t)part);
        done += part;
    }
    return (int64_t)done;
}

int cr_trace_input_line(struct cr_trace_input *input, const char **line, size_t *length)
{
    for (;;) {
        size_t have = input->end - input->begin;
        const uint8_t *begin = input->window + input->begin;
        const uint8_t *newline = have ? memchr(begin, '\n', have) : NULL;
        if (newline || (have && (input->at_end || have == CR_TRACE_WINDOW))) {
            *line = (const char *)begin;
            *length = newline ? (size_t)(newline - begin) + 1 : have;
            cr_trace_input_take(input, *length);
            input->lines += newline || input->at_end;
            return 1;
        }
        if (input->at_end)
            return 0;
        int result = fill(input);
        if (result < 0)
            return result;
    }
}

bool cr_trace_input_at_end(const struct cr_trace_input *input)
{
    return input->at_end && input->begin == input->end;
}

uint64_t cr_trace_input_offset(const struct cr_trace_input *input)
{
    return input->offset;
}

uint64_t cr_trace_input_lines(const struct cr_trace_input *input)
{
    return input->lines;
}

void cr_trace_input_progress(const struct cr_trace_input *input, uint64_t *done, uint64_t *size)
{
    *done = input->stored;
    *size = input->size;
}

int cr_trace_input_rewind(struct cr_trace_input *input)
{
    if (lseek(input->fd, 0, SEEK_SET) < 0)
        return -errno;
    input->at_end = false;
    input->begin = input->end = 0;
    input->offset = input->stored = input->lines = 0;
    return 0;
}

static int open_file(struct cr_trace_input *input, const char *path, struct canring_error *err)
{
    struct stat status;

    if (strcmp(path, "-") == 0) {
        input->fd = STDIN_FILENO;
        return 0;
    }
    /* O_NONBLOCK: a pipe must be refused, not waited for. */
    input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    input->own_fd = input->fd >= 0;
    if (input->fd < 0 || fstat(input->fd, &status) < 0)
        return canring_error_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return canring_error_set(err, -EISDIR, "'%s' is a directory, not a recording", path);
    if (!S_ISREG(status.st_mode))
        return canring_error_set(err, -EINVAL, "'%s' is not a regular file", path);
    input->size = (uint64_t)status.st_size;
    (void)posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

int cr_trace_input_open(struct cr_trace_input **input, const char *path, struct canring_error *err)
{
    struct cr_trace_input *new = malloc(sizeof(*new));

    if (!new)
        return canring_error_set(err, -ENOMEM, "'%s': out of memory", path);
    memset(new, 0, offsetof(struct cr_trace_input, window));
    int result = open_file(new, path, err);
    if (result < 0)
        cr_trace_input_close(new);
    else
        *input = new;
    return result;
}

void cr_trace_input_close(struct cr_trace_input *input)
{
    if (!input)
        return;
    if (input->own_fd)
        close(input->fd);
    free(input);
}
