#include "shm/runtime_dir.h"

#include <errno.h>
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

int cr_runtime_dir(char *path, size_t size, struct canring_error *err)
{
    int length = choose(path, size);
    if (length < 0 || (size_t)length >= size || length > 108 - SOCKET_PATH_ROOM)
        return canring_error_set(err, -ENAMETOOLONG,
                                 "the runtime directory's path is too long (at most %d bytes); set "
                                 "CANRING_RUNTIME_DIR to a shorter one",
                                 108 - SOCKET_PATH_ROOM);
    struct stat st;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return canring_error_set(err, -errno, "cannot create the runtime directory %s: %s", path,
                                 strerror(errno));
    if (lstat(path, &st) < 0)
        return canring_error_set(err, -errno, "runtime directory %s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
        return canring_error_set(err, -EPERM,
                                 "runtime directory %s must be a directory of user %u that others "
                                 "cannot write to",
                                 path, (unsigned)geteuid());
    return 0;
}

/* FNV-1a: only to tell directories apart in names, not a secret. */
static uint32_t mark_of(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

int cr_shm_name(char *name, size_t size, const char *kind, const char *a, const char *b,
                struct canring_error *err)
{
    char directory[128];
    int result = cr_runtime_dir(directory, sizeof(directory), err);
    if (result < 0)
        return result;
    int length = snprintf(name, size, "/canring-%08x.%s.%s%s%s", mark_of(directory), kind, a,
                          b ? "." : "", b ? b : "");
    if (length < 0 || (size_t)length >= size)
        return canring_error_set(err, -ENAMETOOLONG, "the name '%s' is too long", b ? b : a);
    for (char *c = name + 1; *c; c++)
        if (*c == '/' || (unsigned char)*c <= ' ')
            *c = '_';
    return 0;
}
