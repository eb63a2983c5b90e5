#include "proxy/report_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_length(int length, size_t size, const char *path, struct canring_error *err)
{
    if (length >= 0 && (size_t)length < size)
        return 0;
    return canring_error_set(err, -ENAMETOOLONG,
                             "the path '%.100s…' is too long: at most %zu bytes", path, size - 1);
}

int cr_copy_path(char *out, size_t size, const char *path, struct canring_error *err)
{
    return check_length(snprintf(out, size, "%s", path), size, path, err);
}

int cr_stamped_path(char *out, size_t size, const char *folder, const char *stem,
                    const char *suffix, time_t when, struct canring_error *err)
{
    struct tm local = {0};
    char stamp[32];
    localtime_r(&when, &local);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H-%M-%S", &local);
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    return check_length(snprintf(out, size, "%s%s%s-%s%s", folder, slash, stamp, stem, suffix),
                        size, folder, err);
}

int cr_path_stem(char *out, size_t size, const char *path, struct canring_error *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    int length = dot && dot != name ? (int)(dot - name) : (int)strlen(name);
    return check_length(snprintf(out, size, "%.*s", length, name), size, path, err);
}

int cr_unused_path(char *path, size_t size, struct canring_error *err)
{
    char given[PATH_MAX];
    int result = cr_copy_path(given, sizeof(given), path, err);
    const char *slash = strrchr(given, '/'), *dot = strrchr(slash ? slash : given, '.');
    int stem = dot ? (int)(dot - given) : (int)strlen(given);
    for (unsigned i = 2; result == 0 && access(path, F_OK) == 0; i++)
        result = check_length(snprintf(path, size, "%.*s-%u%s", stem, given, i, given + stem), size,
                              given, err);
    return result;
}

int cr_make_folders(const char *path, struct canring_error *err)
{
    char folder[PATH_MAX];
    int result = cr_copy_path(folder, sizeof(folder), path, err);
    if (result < 0)
        return result;
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) < 0 && errno != EEXIST)
            return canring_error_set(err, -errno, "cannot make the folder %s: %s", folder,
                                     strerror(errno));
        *slash = '/';
    }
    return 0;
}
