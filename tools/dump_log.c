#include "dump_log.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SAME_SECOND_MAX 100

static int failed(const struct dump_log *log, const char *what, struct canring_error *err)
{
    int code = errno ? -errno : -EIO;

    return canring_error_set(err, code, "cannot %s %s: %s", what, log->name, strerror(-code));
}

static void name_after_now(struct dump_log *log, unsigned attempt)
{
    char stamp[32], suffix[16] = "";
    time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H%M%S", &local);
    if (attempt)
        snprintf(suffix, sizeof(suffix), "_%u", attempt);
    snprintf(log->name, sizeof(log->name), "candump-%s%s.log", stamp, suffix);
}

/* Another log of the same second is not overwritten. */
static FILE *open_named_after_now(struct dump_log *log)
{
    FILE *file = NULL;

    for (unsigned attempt = 0; !file && attempt < SAME_SECOND_MAX; attempt++) {
        name_after_now(log, attempt);
        file = fopen(log->name, "wxe");
        if (!file && errno != EEXIST)
            break;
    }
    return file;
}

/* 1: it is to be a log of lines. */
static int open_recording(struct dump_log *log, struct canring_error *err)
{
    const struct canring_trace_writer_options options = {
        .format = log->format, .overwrite = true, .naming = CANRING_TRACE_NUMBERED};
    const char *dot = log->path ? strrchr(log->path, '.') : NULL;

    if (log->format ? strcmp(log->format, "candump") == 0 : !dot || strcasecmp(dot, ".log") == 0)
        return 1;
    snprintf(log->name, sizeof(log->name), "%s", log->path);
    int result = canring_trace_writer_open(&log->writer, log->path, &options, err);
    return result == -EINVAL && !log->format ? 1 : result; /* an ending that says nothing */
}

static int open_file(struct dump_log *log, const char *mode, struct canring_error *err)
{
    if (log->path) {
        snprintf(log->name, sizeof(log->name), "%s", log->path);
        log->file = fopen(log->path, mode);
    } else {
        log->file = open_named_after_now(log);
    }
    if (!log->file)
        return failed(log, "open", err);
    setvbuf(log->file, NULL, _IOFBF, 1 << 16);
    return 0;
}

int dump_log_open(struct dump_log *log, const char *path, const char *format,
                  struct canring_error *err)
{
    log->path = path;
    log->format = format;
    int result = open_recording(log, err);
    return result == 1 ? open_file(log, "we", err) : result;
}

int dump_log_entry(struct dump_log *log, const char *name, const struct canring_frame *frame,
                   uint64_t lost, struct canring_error *err)
{
    int bus = canring_trace_writer_bus(log->writer, name);

    if (bus < 0)
        return canring_error_set(err, bus, "%s: too many buses", log->name);
    const struct canring_trace_entry entry = {
        .kind = frame ? CANRING_TRACE_FRAME : CANRING_TRACE_LOST,
        .bus = (uint32_t)bus,
        .timestamp_ns = frame ? frame->timestamp_ns : log->last_ns,
        .lost = lost,
        .frame = frame,
    };
    log->last_ns = entry.timestamp_ns;
    int result = canring_trace_writer_write(log->writer, &entry, err);
    return result == -EOPNOTSUPP ? 0 : result;
}

int dump_log_reopen(struct dump_log *log, struct canring_error *err)
{
    if (log->writer)
        return canring_trace_writer_rotate(log->writer, err);
    int result = dump_log_close(log, err);

    return result ? result : open_file(log, "ae", err);
}

int dump_log_write(struct dump_log *log, const char *line, size_t length, struct canring_error *err)
{
    if (fwrite(line, 1, length, log->file) != length)
        return failed(log, "write", err);
    return 0;
}

int dump_log_flush(struct dump_log *log, struct canring_error *err)
{
    if (log->writer)
        return canring_trace_writer_flush(log->writer, false, err);
    return fflush(log->file) ? failed(log, "write", err) : 0;
}

int dump_log_close(struct dump_log *log, struct canring_error *err)
{
    FILE *file = log->file;

    if (log->writer) {
        int result = canring_trace_writer_close(log->writer, err);
        log->writer = NULL;
        return result;
    }
    log->file = NULL;
    return file && fclose(file) ? failed(log, "write", err) : 0;
}
