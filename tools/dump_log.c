#include "dump_log.h"

#include <errno.h>
#include <string.h>
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

int dump_log_open(struct dump_log *log, const char *path, struct canring_error *err)
{
    log->path = path;
    return open_file(log, "we", err);
}

int dump_log_reopen(struct dump_log *log, struct canring_error *err)
{
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
    return fflush(log->file) ? failed(log, "write", err) : 0;
}

int dump_log_close(struct dump_log *log, struct canring_error *err)
{
    FILE *file = log->file;

    log->file = NULL;
    return file && fclose(file) ? failed(log, "write", err) : 0;
}
