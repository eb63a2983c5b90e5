/* A POSIX shared-memory object: created by exactly one owner, opened by others.
 *
 * Used by segments (channels) and the in-memory bus. The owner holds an flock() on the
 * object for as long as it lives, so the kernel itself says whether an object that is found
 * still belongs to somebody: no process id is trusted. All functions make system calls;
 * none may be called from the hot path.
 */
#ifndef CANRING_REGION_H
#define CANRING_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <canring/error.h>

/* Of the layout of all shared memory that holds rings, ring.h's part included: what either side of
 * it finds must be its own. */
#define CR_LAYOUT_VERSION 2u

#define CR_REGION_NAME 192 /* "/canring-", a mark, a kind, two names of 63; escapes take more */

struct cr_region {
    int fd;
    uint64_t bytes;
    bool owner;                /* we created it and remove it */
    char name[CR_REGION_NAME]; /* as shm_open takes it, with the leading slash */
};

/* Create the object, mode 0600 (0660 and that group when `group` is not (gid_t)-1), all of its
 * memory allocated now. A leftover whose owner is dead is removed first. Errors: -EEXIST it belongs
 * to a living process; -EACCES a leftover of another user; -ENOSPC /dev/shm is too small (both
 * sizes in the text); -ENAMETOOLONG. Nothing is left behind on failure. */
int cr_region_create(struct cr_region *region, const char *name, uint64_t bytes, gid_t group,
                     struct canring_error *err);

/* Open for reading and writing; `bytes` becomes its size. -ENOENT when there is none. */
int cr_region_open(struct cr_region *region, const char *name, struct canring_error *err);

/* Remove leftovers of dead owners whose name begins with `prefix` ("/…"); others stay. */
void cr_region_sweep(const char *prefix);

/* Close; the owner also removes the name. Mappings stay. Safe on one whose fd is -1. */
void cr_region_close(struct cr_region *region);

/* A part of the object in a mapping. */
struct cr_piece {
    uint64_t offset;
    uint64_t bytes; /* both multiples of the page size */
    bool writable;
    bool huge; /* offset and bytes are multiples of CR_HUGE_PAGE: map it so that huge pages fit */
    bool collapse; /* and put huge pages there, else fail: for the side that makes the object */
    bool twice;    /* map it twice, back to back: what runs over its end continues at its start */
    void *address; /* out */
};

struct cr_mapping {
    void *base;
    size_t bytes;
};

/* Map pieces into one reservation, prefaulted, and fill in their addresses. All or nothing. */
int cr_region_map(const struct cr_region *region, struct cr_piece *pieces, unsigned count,
                  struct cr_mapping *mapping, struct canring_error *err);
void cr_region_unmap(struct cr_mapping *mapping);

size_t cr_page_size(void);

#endif
