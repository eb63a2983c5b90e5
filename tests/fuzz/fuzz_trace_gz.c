/* A log inside gzip or zstd. A few bytes can hold millions of lines: not all of them are read. */
#include "fuzz_trace.h"

#define CALLS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_some(struct canring_trace_reader *reader)
{
    struct canring_trace_entry entry;
    struct canring_error err;
    int result = 1;

    for (int i = 0; i < CALLS && (result == 1 || result == -EINVAL); i++) {
        result = canring_trace_reader_next(reader, &entry, &err);
        if (result == 1 && canring_frame_check(entry.frame, sizeof(union canring_frame_buffer)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct canring_trace_reader *reader;
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (canring_trace_reader_open(&reader, path, "candump", NULL) == 0) {
        read_some(reader);
        if (canring_trace_reader_rewind(reader, NULL) == 0)
            read_some(reader);
        canring_trace_reader_close(reader);
    }
    close(fd);
    return 0;
}
