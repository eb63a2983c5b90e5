#include "proxy/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/report_path.h"

/* Beside the report, so that renaming stays in one file system. */
static int create_beside(const char *path, char *name, size_t size, struct canring_error *err)
{
    for (unsigned i = 0; i < 100; i++) {
        int length = snprintf(name, size, "%s.%d.%u.tmp", path, (int)getpid(), i);
        if (length < 0 || (size_t)length >= size)
            return canring_error_set(err, -ENAMETOOLONG, "the path '%.100s…' is too long", path);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            return canring_error_set(err, -errno, "cannot write the report %s: %s", path,
                                     strerror(errno));
    }
    return canring_error_set(err, -EEXIST, "leftovers of other reports stand beside %s", path);
}

static int write_to(int fd, bool keep, const struct cr_report *report,
                    int (*put)(FILE *out, const struct cr_report *report))
{
    FILE *out = fdopen(fd, "w");
    if (!out) {
        int code = -errno;
        close(fd);
        return code;
    }
    int result = put(out, report);
    if (result == 0 && (fflush(out) != 0 || ferror(out)))
        result = errno ? -errno : -EIO;
    if (result == 0 && keep && fsync(fd) < 0)
        result = -errno;
    if (fclose(out) != 0 && result == 0)
        result = -errno;
    return result;
}

/* A FIFO that nobody reads is refused, not waited for. */
static int open_in_place(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd >= 0 && fcntl(fd, F_SETFL, 0) == 0)
        return fd;
    int code = -errno;
    if (fd >= 0)
        close(fd);
    return code;
}

static int write_in_place(const struct cr_report *report, const char *path,
                          int (*put)(FILE *out, const struct cr_report *report),
                          struct canring_error *err)
{
    int fd = open_in_place(path), result = fd < 0 ? fd : write_to(fd, false, report, put);
    return result < 0 ? canring_error_set(err, result, "cannot write the report %s: %s", path,
                                          result == -ENXIO ? "nobody reads it" : strerror(-result))
                      : 0;
}

/* What can be replaced: a regular file, `path` or what that is a link to, or nothing yet. */
static bool replaceable(const char *path, char target[PATH_MAX])
{
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISREG(st.st_mode) && realpath(path, target);
    int length = snprintf(target, PATH_MAX, "%s", path);
    return length < PATH_MAX && lstat(path, &st) < 0;
}

int cr_report_file(const struct cr_report *report, const char *path,
                   int (*put)(FILE *out, const struct cr_report *report), struct canring_error *err)
{
    char target[PATH_MAX], temporary[PATH_MAX];
    int result = cr_make_folders(path, err);
    if (result < 0)
        return result;
    if (!replaceable(path, target))
        return write_in_place(report, path, put, err);
    int fd = create_beside(target, temporary, sizeof(temporary), err);
    if (fd < 0)
        return fd;
    result = write_to(fd, true, report, put);
    if (result == 0 && rename(temporary, target) < 0)
        result = -errno;
    if (result == 0)
        return 0;
    unlink(temporary);
    return canring_error_set(err, result, "cannot write the report %s: %s", path,
                             strerror(-result));
}
