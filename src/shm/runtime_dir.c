#include "shm/runtime_dir.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_PATH_ROOM 40 /* of the 108 bytes, for the socket's own name */

static int choose(char *path, size_t size)
{
    const char *set = getenv("CANRING_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
    if (set && *set)
        return snprintf(path, size, "%s", set);
    if (geteuid() == 0)
        return snprintf(path, size, "/run/canring");
    if (xdg && *xdg)
        return snprintf(path, size, "%s/canring", xdg);
    return snprintf(path, size, "/tmp/canring-%u", (unsigned)geteuid());
}

static int find(char *path, size_t size, bool of_others, bool create, struct canring_error *err)
{
    int length = choose(path, size);
    if (length < 0 || (size_t)length >= size || length > 108 - SOCKET_PATH_ROOM)
        return canring_error_set(err, -ENAMETOOLONG,
                                 "the runtime directory's path is too long (at most %d bytes); set "
                                 "CANRING_RUNTIME_DIR to a shorter one",
                                 108 - SOCKET_PATH_ROOM);
    struct stat st;
    if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
        return canring_error_set(err, -errno, "cannot create the runtime directory %s: %s", path,
                                 strerror(errno));
    if (lstat(path, &st) < 0)
        return canring_error_set(err, -errno, "runtime directory %s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode) || (st.st_uid != geteuid() && !of_others) || (st.st_mode & 022))
        return canring_error_set(err, -EPERM,
                                 "runtime directory %s must be a directory of user %u that others "
                                 "cannot write to",
                                 path, (unsigned)(of_others ? st.st_uid : geteuid()));
    return 0;
}

int cr_runtime_dir(char *path, size_t size, struct canring_error *err)
{
    return find(path, size, false, true, err);
}

int cr_runtime_dir_of_others(char *path, size_t size, struct canring_error *err)
{
    const char *set = getenv("CANRING_RUNTIME_DIR");
    return find(path, size, set && *set, false, err);
}

/* FNV-1a: only to tell directories apart in names, not a secret. */
static uint32_t mark_of(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

/* `text`, escaped, behind the `used` bytes of `name`. Returns how many there are now; `size` when
 * it does not fit. */
static size_t append(char *name, size_t size, size_t used, const char *text)
{
    static const char taken_amiss[] = "./%";
    for (; *text && used < size; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool escape = c <= ' ' || c == 0x7f || strchr(taken_amiss, c);
        int length = snprintf(name + used, size - used, escape ? "%%%02X" : "%c", c);
        used = (size_t)length < size - used ? used + (size_t)length : size;
    }
    return used;
}

int cr_shm_name(char *name, size_t size, const char *kind, const char *a, const char *b,
                struct canring_error *err)
{
    char directory[128];
    int result = cr_runtime_dir(directory, sizeof(directory), err);
    if (result < 0)
        return result;
    int length = snprintf(name, size, "/canring-%08x.%s.", mark_of(directory), kind);
    size_t used = length < 0 ? size : (size_t)length;
    used = append(name, size, used, a);
    if (b) {
        snprintf(name + used, size - used, ".");
        used = append(name, size, used + 1 < size ? used + 1 : size, b);
    }
    return used < size
               ? 0
               : canring_error_set(err, -ENAMETOOLONG, "the name '%s' is too long", b ? b : a);
}
