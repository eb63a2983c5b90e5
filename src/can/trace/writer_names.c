#include "can/trace/writer_names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "can/trace/compress.h"

#define MODE 0666 /* and umask */
/* More files of one name than anyone has. */
#define NUMBER_MAX 10000000u

static size_t without_ending(const char *path, size_t length, const char *ending)
{
    size_t own = strlen(ending);
    bool has = own && own < length && path[length - own - 1] != '/' &&
               strncasecmp(path + length - own, ending, own) == 0;

    return has ? length - own : length;
}

/* Where a number goes: before ".log.gz", or before whatever the name ends with. */
static size_t stem_of(const char *path, const char *const *endings)
{
    size_t whole = strlen(path);
    size_t length =
        without_ending(path, whole, cr_compression_ending(cr_compression_by_ending(path)));

    for (; *endings; endings++)
        if (without_ending(path, length, *endings) < length)
            return without_ending(path, length, *endings);
    if (length < whole)
        return length;
    const char *dot = strrchr(path, '.');
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    return dot && dot > base ? (size_t)(dot - path) : whole;
}

static bool is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

static bool is_special(const char *path)
{
    struct stat status;

    if (is_standard(path))
        return true;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

int cr_writer_names_open(struct cr_writer_names *names, const char *path,
                         const char *const *endings,
                         const struct canring_trace_writer_options *options)
{
    bool rotates = options->rotate_bytes || options->rotate_ns || options->rotate_frames;

    *names =
        (struct cr_writer_names){.path = strdup(path),
                                 .stem = stem_of(path, endings),
                                 .naming = options->naming,
                                 .dated_first = rotates && options->naming == CANRING_TRACE_DATED,
                                 .special = is_special(path),
                                 .overwrite = options->overwrite,
                                 .sync = options->sync_ns != 0,
                                 .keep = options->keep};
    if (options->keep)
        names->kept = calloc((size_t)options->keep + 1, sizeof(*names->kept));
    if (names->path && (names->kept || !options->keep))
        return 0;
    cr_writer_names_close(names);
    return -ENOMEM;
}

void cr_writer_names_close(struct cr_writer_names *names)
{
    for (unsigned i = 0; names->kept && i < names->kept_count; i++)
        free(names->kept[i].path);
    free(names->kept);
    free(names->path);
}

static void keep(struct cr_writer_names *names, const struct cr_writer_file *file)
{
    char *path = names->kept && file->regular ? strdup(file->path) : NULL;

    if (path)
        names->kept[names->kept_count++] = (struct cr_writer_kept){path, file->device, file->inode};
}

/* The newest one, when it is this file. */
static void forget(struct cr_writer_names *names, const struct cr_writer_file *file)
{
    if (!names->kept_count)
        return;
    const struct cr_writer_kept *newest = &names->kept[names->kept_count - 1];
    if (newest->device != file->device || newest->inode != file->inode)
        return;
    free(newest->path);
    names->kept_count--;
}

void cr_writer_names_trim(struct cr_writer_names *names, const struct cr_writer_stats *stats)
{
    while (names->kept_count > names->keep) {
        struct cr_writer_kept oldest = names->kept[0];
        struct stat status;
        /* Whoever has put another file there will want to keep it. */
        if (lstat(oldest.path, &status) == 0 && status.st_dev == oldest.device &&
            status.st_ino == oldest.inode && unlink(oldest.path) < 0)
            cr_writer_report(stats, LOG_WARNING, "%s: cannot be deleted: %s", oldest.path,
                             strerror(errno));
        free(oldest.path);
        memmove(names->kept, names->kept + 1, --names->kept_count * sizeof(*names->kept));
    }
}

static int folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;

    if (length + 2 > PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    return 0;
}

int cr_writer_names_check(const struct cr_writer_names *names)
{
    char folder[PATH_MAX];
    struct stat status;

    if (is_standard(names->path))
        return fcntl(STDOUT_FILENO, F_GETFD) < 0 ? -errno : 0;
    if (!names->dated_first && stat(names->path, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return -EISDIR;
        if (S_ISREG(status.st_mode) && !names->overwrite)
            return -EEXIST;
        return access(names->path, W_OK) < 0 ? -errno : 0;
    }
    int result = folder_of(names->path, folder);
    if (result == 0 && access(folder, W_OK | X_OK) < 0)
        result = -errno;
    return result;
}

/* The entry of a new file is on the disk only when that of its folder is. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    int fd = folder_of(path, folder);

    if (fd == 0)
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

static int make(struct cr_writer_names *names, struct cr_writer_file *file, const char *path,
                int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, MODE);

    if (fd < 0)
        return -errno;
    int result = cr_writer_file_opened(file, fd, path);
    if (result < 0)
        return result;
    if (names->sync)
        sync_folder(path);
    keep(names, file);
    return 0;
}

/* Whatever standard output is: a file, too, is written on like a pipe, where others have left it.
 */
static int take_standard_output(struct cr_writer_names *names, struct cr_writer_file *file)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int result = fd < 0 ? -errno : cr_writer_file_opened(file, fd, names->path);

    file->regular = file->has_place = false;
    names->first_taken = names->first_taken || result == 0;
    return result;
}

/* The user's own name: a device or a pipe there is written to, a file only replaced if allowed, a
 * link to nothing gets what it points to. */
static int make_first(struct cr_writer_names *names, struct cr_writer_file *file)
{
    char target[PATH_MAX];
    struct stat status;

    if (is_standard(names->path))
        return take_standard_output(names, file);
    bool there = stat(names->path, &status) == 0;
    bool special = there && !S_ISREG(status.st_mode);
    bool loose = !there && readlink(names->path, target, sizeof(target)) > 0;

    if (special && S_ISDIR(status.st_mode))
        return -EISDIR;
    int flags = special || loose ? 0 : names->overwrite ? O_TRUNC : O_EXCL;
    int result = make(names, file, names->path, flags);
    names->first_taken = names->first_taken || result == 0;
    return result;
}

static int numbered(const struct cr_writer_names *names, char *path, size_t size)
{
    return snprintf(path, size, "%.*s_%04u%s", (int)names->stem, names->path, names->number + 1,
                    names->path + names->stem);
}

static int dated(const struct cr_writer_names *names, const struct cr_writer_file *file,
                 unsigned same, char *path, size_t size)
{
    time_t seconds = (time_t)(file->start_ns / 1000000000u);
    struct tm local;
    char date[32] = "";
    char again[16] = "";

    if (localtime_r(&seconds, &local))
        strftime(date, sizeof(date), "%Y-%m-%d_%H-%M-%S", &local);
    if (same)
        snprintf(again, sizeof(again), "_%u", same + 1);
    return snprintf(path, size, "%.*s_%s%s%s", (int)names->stem, names->path, date, again,
                    names->path + names->stem);
}

static int make_free(struct cr_writer_names *names, struct cr_writer_file *file)
{
    char path[PATH_MAX];
    int result = -EEXIST;

    for (unsigned try = 0; try < NUMBER_MAX && result == -EEXIST; try++) {
        int length = names->naming == CANRING_TRACE_DATED
                         ? dated(names, file, try, path, sizeof(path))
                         : numbered(names, path, sizeof(path));
        if (length < 0 || (size_t)length >= sizeof(path))
            return -ENAMETOOLONG;
        result = make(names, file, path, O_EXCL);
        if (names->naming == CANRING_TRACE_NUMBERED && (result == 0 || result == -EEXIST))
            names->number++;
    }
    return result;
}

int cr_writer_names_next(struct cr_writer_names *names, struct cr_writer_file *file)
{
    if (!names->first_taken && !names->dated_first)
        return make_first(names, file);
    return make_free(names, file);
}

int cr_writer_names_again(struct cr_writer_names *names, struct cr_writer_file *file)
{
    forget(names, file);
    int result = make(names, file, file->path, O_EXCL);

    return result == -EEXIST ? make_free(names, file) : result;
}
