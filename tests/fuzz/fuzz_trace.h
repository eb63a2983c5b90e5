/* A recording's reader on what the fuzzer makes up, to the end, twice. */
#ifndef CANRING_FUZZ_TRACE_H
#define CANRING_FUZZ_TRACE_H

#include <canring/trace.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Calls that a reader may need for `size` bytes before it is at the end. */
#define FUZZ_CALLS(size) (1000 + 100 * (uint64_t)(size))

static inline void fuzz_read_all(struct canring_trace_reader *reader, size_t size)
{
    struct canring_trace_entry entry;
    struct canring_error err;
    uint64_t calls = 0;
    int result;

    while ((result = canring_trace_reader_next(reader, &entry, &err)) == 1 || result == -EINVAL) {
        if (++calls > FUZZ_CALLS(size))
            abort();
        if (result != 1)
            continue;
        if (!canring_trace_reader_bus(reader, entry.bus))
            abort();
        if (entry.frame && canring_frame_check(entry.frame, sizeof(union canring_frame_buffer)))
            abort();
    }
}

static inline void fuzz_trace(const char *format, const uint8_t *data, size_t size)
{
    struct canring_trace_reader *reader;
    struct canring_error err;
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (canring_trace_reader_open(&reader, path, format, &err) == 0) {
        fuzz_read_all(reader, size);
        if (canring_trace_reader_rewind(reader, &err) == 0)
            fuzz_read_all(reader, size);
        canring_trace_reader_close(reader);
    }
    close(fd);
}

#endif
