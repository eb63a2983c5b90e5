#include "shm/huge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define TRIES    20 /* the kernel says "again" while others hold pages */
#define PAUSE_US 1000
#define THP      "/sys/kernel/mm/transparent_hugepage/"

static bool file_has(const char *path, const char *words)
{
    char text[256] = "";
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool found = fgets(text, sizeof(text), file) && strstr(text, words);
    fclose(file);
    return found;
}

static int refused(int code, struct canring_error *err)
{
    if (access(THP "enabled", F_OK) < 0)
        return canring_error_set(err, -EOPNOTSUPP,
                                 "huge_pages: this kernel has no transparent huge pages (" THP
                                 " does not exist)");
    if (!file_has(THP "hpage_pmd_size", "2097152"))
        return canring_error_set(err, -EOPNOTSUPP,
                                 "huge_pages: the huge pages of this machine are not of 2 MiB (" THP
                                 "hpage_pmd_size)");
    if (file_has(THP "shmem_enabled", "[deny]"))
        return canring_error_set(err, -EPERM,
                                 "huge_pages: forbidden for shared memory: " THP
                                 "shmem_enabled is 'deny' (echo never > " THP "shmem_enabled)");
    if (code == -EINVAL)
        return canring_error_set(err, -EOPNOTSUPP,
                                 "huge_pages: this kernel cannot make them of memory on /dev/shm "
                                 "(MADV_COLLAPSE, Linux 6.1)");
    return canring_error_set(err, code,
                             "huge_pages: no free block of 2 MiB (%s); ask right after boot, or "
                             "first: echo 1 > /proc/sys/vm/compact_memory",
                             strerror(-code));
}

int cr_huge_collapse(void *address, size_t bytes, struct canring_error *err)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (madvise(address, bytes, MADV_COLLAPSE) == 0)
            return 0;
        if (errno != EAGAIN && errno != EBUSY)
            break;
        usleep(PAUSE_US);
    }
    return refused(-errno, err);
}

static int try_on(int fd, struct canring_error *err)
{
    int code = posix_fallocate(fd, 0, (off_t)CR_HUGE_PAGE);
    if (code)
        return canring_error_set(err, -code, "huge_pages: /dev/shm has no 2 MiB to try it: %s",
                                 strerror(code));
    uint8_t *room =
        mmap(NULL, 2 * CR_HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return canring_error_set(err, -errno, "huge_pages: %s", strerror(errno));
    uint8_t *at = room + (CR_HUGE_PAGE - (uintptr_t)room % CR_HUGE_PAGE) % CR_HUGE_PAGE;
    int result = 0;
    if (mmap(at, CR_HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        result = canring_error_set(err, -errno, "huge_pages: %s", strerror(errno));
    else
        result = cr_huge_collapse(at, CR_HUGE_PAGE, err);
    munmap(room, 2 * CR_HUGE_PAGE);
    return result;
}

int cr_huge_check(struct canring_error *err)
{
    int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); /* it never has a name */
    if (fd < 0)
        return canring_error_set(err, -errno, "huge_pages: /dev/shm: %s", strerror(errno));
    int result = try_on(fd, err);
    close(fd);
    return result;
}
