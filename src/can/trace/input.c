#include "can/trace/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "can/trace/decompress.h"

struct cr_trace_input {
    int fd;
    bool own_fd;
    bool begun;                     /* it is known whether it is compressed */
    bool at_end;                    /* nothing more comes behind what is in the window */
    struct cr_decompressor *packed; /* NULL: plain */
    uint64_t size;
    uint64_t stored; /* bytes read from the file */
    uint64_t offset;
    uint64_t lines;
    bool in_line;      /* what was given out last has no newline: more of its line may come */
    size_t begin, end; /* of what is in the window and not taken */
    uint8_t window[CR_TRACE_WINDOW];
};

/* As read(2), but for the error. */
static ssize_t read_stored(void *arg, void *to, size_t size)
{
    struct cr_trace_input *input = arg;
    ssize_t got;

    do
        got = read(input->fd, to, size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    input->stored += (uint64_t)got;
    return got;
}

/* Read the first bytes, which tell how the rest is to be read. */
static int begin(struct cr_trace_input *input)
{
    while (input->end < CR_DECOMPRESS_HEAD && !input->at_end) {
        ssize_t got =
            read_stored(input, input->window + input->end, CR_DECOMPRESS_CHUNK - input->end);
        if (got < 0)
            return (int)got;
        input->end += (size_t)got;
        input->at_end = got == 0;
    }
    input->begun = true;
    enum cr_compression kind = cr_decompress_kind(input->window, input->end);
    if (kind == CR_COMPRESSION_NONE)
        return 0;
    int result =
        cr_decompress_open(&input->packed, kind, input->window, input->end, read_stored, input);
    input->end = 0;
    input->at_end = false;
    return result;
}

/* Read behind what the window holds. 0 or negative errno. */
static int fill(struct cr_trace_input *input)
{
    if (!input->begun)
        return begin(input);
    if (input->begin) {
        memmove(input->window, input->window + input->begin, input->end - input->begin);
        input->end -= input->begin;
        input->begin = 0;
    }
    uint8_t *to = input->window + input->end;
    size_t room = CR_TRACE_WINDOW - input->end;
    ssize_t got =
        input->packed ? cr_decompress_read(input->packed, to, room) : read_stored(input, to, room);
    if (got < 0)
        return (int)got;
    input->at_end = got == 0;
    input->end += (size_t)got;
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
            input->lines += !input->in_line;
            input->in_line = !newline;
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

int cr_trace_input_failure(const struct cr_trace_input *input, const char **what)
{
    return input->packed ? cr_decompress_failure(input->packed, what) : 0;
}

void cr_trace_input_resume(struct cr_trace_input *input)
{
    cr_decompress_resume(input->packed);
    input->at_end = input->in_line = false;
}

int cr_trace_input_rewind(struct cr_trace_input *input)
{
    if (lseek(input->fd, 0, SEEK_SET) < 0)
        return -errno;
    cr_decompress_close(input->packed);
    input->packed = NULL;
    input->begun = input->at_end = input->in_line = false;
    input->begin = input->end = 0;
    input->offset = input->stored = input->lines = 0;
    return 0;
}

/* A pipe, as the shell's <(…) is one: opened so that it waits for who writes it, and for data. */
static int open_pipe(struct cr_trace_input *input, const char *path, struct canring_error *err)
{
    close(input->fd);
    input->fd = open(path, O_RDONLY | O_CLOEXEC);
    input->own_fd = input->fd >= 0;
    if (input->fd < 0)
        return canring_error_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
    return 0;
}

static int open_file(struct cr_trace_input *input, const char *path, struct canring_error *err)
{
    struct stat status;

    if (strcmp(path, "-") == 0) {
        input->fd = STDIN_FILENO;
        return 0;
    }
    /* O_NONBLOCK: devices are refused, not waited for. */
    input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    input->own_fd = input->fd >= 0;
    if (input->fd < 0 || fstat(input->fd, &status) < 0)
        return canring_error_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return canring_error_set(err, -EISDIR, "'%s' is a directory, not a recording", path);
    if (S_ISFIFO(status.st_mode))
        return open_pipe(input, path, err);
    if (!S_ISREG(status.st_mode))
        return canring_error_set(err, -EINVAL, "'%s' is neither a file nor a pipe", path);
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
    cr_decompress_close(input->packed);
    free(input);
}
