#include "shm/region.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "shm/huge.h"

size_t cr_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static bool still_named(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Remove a leftover. Only a holder of the object's lock unlinks its name, and the lock is
 * taken on the very inode that is checked to be still named, so a new owner's object is never hit.
 */
static int reclaim(const char *name, struct canring_error *err)
{
    int fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : canring_error_set(err, -errno, "/dev/shm%s exists and cannot be opened: %s",
                                       name, strerror(errno));
    int result = 0;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        result = canring_error_set(err, -EEXIST, "/dev/shm%s belongs to a running process", name);
    else if (still_named(fd) && shm_unlink(name) < 0 && errno != ENOENT)
        result = canring_error_set(err, -errno, "cannot remove the leftover /dev/shm%s: %s", name,
                                   strerror(errno));
    close(fd);
    return result;
}

void cr_region_sweep(const char *prefix)
{
    DIR *objects = opendir("/dev/shm");
    if (!objects)
        return;
    for (struct dirent *entry; (entry = readdir(objects)) != NULL;) {
        char name[sizeof(entry->d_name) + 1] = "/";
        memcpy(name + 1, entry->d_name, strlen(entry->d_name) + 1);
        if (strncmp(name, prefix, strlen(prefix)) == 0)
            reclaim(name, NULL);
    }
    closedir(objects);
}

/* One exclusive creation, locked. 0 and region->fd, or -EAGAIN when another process came between.
 */
static int create_once(struct cr_region *region, struct canring_error *err)
{
    int fd = shm_open(region->name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        int result = reclaim(region->name, err);
        return result < 0 ? result : -EAGAIN;
    }
    if (fd < 0)
        return canring_error_set(err, -errno, "cannot create /dev/shm%s: %s", region->name,
                                 strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !still_named(fd)) {
        close(fd);
        return -EAGAIN;
    }
    region->fd = fd;
    region->owner = true;
    return 0;
}

static int no_space(const char *name, uint64_t bytes, struct canring_error *err)
{
    struct statvfs fs;
    unsigned long long room = 0;
    if (statvfs("/dev/shm", &fs) == 0)
        room = (unsigned long long)fs.f_bavail * fs.f_frsize;
    return canring_error_set(
        err, -ENOSPC,
        "/dev/shm is too small for %s: %llu bytes needed, %llu free; enlarge it "
        "(mount -o remount,size=… /dev/shm) or lower ring_slots",
        name, (unsigned long long)bytes, room);
}

static int allocate(const struct cr_region *region, gid_t group, struct canring_error *err)
{
    if (group != (gid_t)-1 &&
        (fchown(region->fd, (uid_t)-1, group) < 0 || fchmod(region->fd, 0660) < 0))
        return canring_error_set(err, -errno, "cannot give /dev/shm%s to group %u: %s",
                                 region->name, (unsigned)group, strerror(errno));
    int result;
    do
        result = posix_fallocate(region->fd, 0, (off_t)region->bytes);
    while (result == EINTR);
    if (result == EFBIG)
        return canring_error_set(err, -EFBIG,
                                 "/dev/shm%s: %llu bytes are more than files of this process may "
                                 "have (ulimit -f, RLIMIT_FSIZE)",
                                 region->name, (unsigned long long)region->bytes);
    if (result == ENOSPC || result == ENOMEM)
        return no_space(region->name, region->bytes, err);
    return result ? canring_error_set(err, -result, "cannot allocate /dev/shm%s: %s", region->name,
                                      strerror(result))
                  : 0;
}

int cr_region_create(struct cr_region *region, const char *name, uint64_t bytes, gid_t group,
                     struct canring_error *err)
{
    *region = (struct cr_region){.fd = -1, .bytes = bytes};
    if (strlen(name) >= sizeof(region->name))
        return canring_error_set(err, -ENAMETOOLONG, "%s: longer than %zu characters", name,
                                 sizeof(region->name) - 1);
    memcpy(region->name, name, strlen(name) + 1);

    int result = -EAGAIN;
    for (int tries = 0; tries < 100 && result == -EAGAIN; tries++)
        result = create_once(region, err);
    if (result == -EAGAIN)
        return canring_error_set(err, -EEXIST, "/dev/shm%s is being created by others", name);
    if (result < 0)
        return result;
    result = allocate(region, group, err);
    if (result < 0)
        cr_region_close(region);
    return result;
}

int cr_region_open(struct cr_region *region, const char *name, struct canring_error *err)
{
    *region = (struct cr_region){.fd = -1};
    if (strlen(name) >= sizeof(region->name))
        return canring_error_set(err, -ENAMETOOLONG, "%s: longer than %zu characters", name,
                                 sizeof(region->name) - 1);
    memcpy(region->name, name, strlen(name) + 1);
    region->fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
    struct stat st;
    if (region->fd < 0 || fstat(region->fd, &st) < 0) {
        int code = -errno;
        cr_region_close(region);
        return canring_error_set(err, code, "cannot open /dev/shm%s: %s", name, strerror(-code));
    }
    region->bytes = (uint64_t)st.st_size;
    return 0;
}

void cr_region_close(struct cr_region *region)
{
    if (region->fd < 0)
        return;
    if (region->owner && still_named(region->fd))
        shm_unlink(region->name);
    close(region->fd);
    region->fd = -1;
    region->owner = false;
}

static size_t mapped_bytes(const struct cr_piece *piece)
{
    return (size_t)piece->bytes << (piece->twice ? 1 : 0);
}

static int place(const struct cr_region *region, const struct cr_piece *piece, uint8_t *at,
                 struct canring_error *err)
{
    int protection = PROT_READ | (piece->writable ? PROT_WRITE : 0);
    for (unsigned i = 0; i < (piece->twice ? 2u : 1u); i++) {
        void *got = mmap(at + i * piece->bytes, (size_t)piece->bytes, protection,
                         MAP_SHARED | MAP_FIXED | MAP_POPULATE, region->fd, (off_t)piece->offset);
        if (got == MAP_FAILED)
            return canring_error_set(err, -errno, "cannot map /dev/shm%s: %s", region->name,
                                     strerror(errno));
    }
    return piece->collapse ? cr_huge_collapse(at, mapped_bytes(piece), err) : 0;
}

static size_t padding(const struct cr_piece *piece, const uint8_t *at)
{
    return piece->huge ? (CR_HUGE_PAGE - (uintptr_t)at % CR_HUGE_PAGE) % CR_HUGE_PAGE : 0;
}

int cr_region_map(const struct cr_region *region, struct cr_piece *pieces, unsigned count,
                  struct cr_mapping *mapping, struct canring_error *err)
{
    size_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += mapped_bytes(&pieces[i]) + (pieces[i].huge ? CR_HUGE_PAGE : 0);
    uint8_t *base =
        mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return canring_error_set(err, -errno, "cannot reserve %zu bytes of address space: %s",
                                 total, strerror(errno));
    uint8_t *at = base;
    for (unsigned i = 0; i < count; i++) {
        at += padding(&pieces[i], at);
        int result = place(region, &pieces[i], at, err);
        if (result < 0) {
            munmap(base, total);
            return result;
        }
        pieces[i].address = at;
        at += mapped_bytes(&pieces[i]);
    }
    *mapping = (struct cr_mapping){.base = base, .bytes = total};
    return 0;
}

void cr_region_unmap(struct cr_mapping *mapping)
{
    if (mapping->base)
        munmap(mapping->base, mapping->bytes);
    *mapping = (struct cr_mapping){0};
}
