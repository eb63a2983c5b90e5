#include "proxy/auxiliary_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shm/clock.h"
#include "shm/guard.h"
#include "shm/resume.h"
#include "shm/runtime_dir.h"

#define BYTE_ORDER_MARK 0x01020304u
#define CREATE_TRIES    20 /* 10 ms apart: a look whether a leftover lives holds it for a moment */
#define PIECES          (2 + 3 * CR_RINGS)

static int bell_path(char *path, size_t size, const char *name, struct canring_error *err)
{
    char directory[128];
    int result = cr_runtime_dir(directory, sizeof(directory), err);
    if (result < 0)
        return result;
    int length = snprintf(path, size, "%s/%s.bell", directory, name);
    return length < 0 || (size_t)length >= size
               ? canring_error_set(err, -ENAMETOOLONG, "auxiliary %s: its name is too long", name)
               : 0;
}

/* Both ends, so that neither side's absence is an error or an end of file. */
static int open_bell(const char *name, bool create, struct canring_error *err)
{
    char path[256];
    int result = bell_path(path, sizeof(path), name, err);
    if (result < 0)
        return result;
    if (create) {
        unlink(path);
        if (mkfifo(path, 0600) < 0)
            return canring_error_set(err, -errno, "cannot create %s: %s", path, strerror(errno));
    }
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? canring_error_set(err, -errno, "cannot open %s: %s", path, strerror(errno))
                  : fd;
}

static void remove_bell(const char *name)
{
    char path[256];
    if (bell_path(path, sizeof(path), name, NULL) == 0)
        unlink(path);
}

static uint64_t slots_bytes(uint32_t slots)
{
    return (uint64_t)slots * CANRING_SLOT;
}

static uint64_t total_bytes(uint32_t slots)
{
    return (2 + 2 * CR_RINGS) * cr_page_size() + CR_RINGS * slots_bytes(slots);
}

static int map(struct cr_auxiliary_shared *shared, struct canring_error *err)
{
    struct cr_piece pieces[PIECES];
    const uint64_t page = cr_page_size();
    uint64_t at = 0;
    for (unsigned i = 0; i < PIECES; i++) {
        bool slots = i >= 2 + 2 * CR_RINGS;
        pieces[i] = (struct cr_piece){.offset = at,
                                      .bytes = slots ? slots_bytes(CR_AUXILIARY_SLOTS) : page,
                                      .writable = true,
                                      .twice = slots};
        at += pieces[i].bytes;
    }
    int result = cr_region_map(&shared->region, pieces, PIECES, &shared->mapping, err);
    if (result < 0)
        return result;
    shared->header = pieces[0].address;
    shared->callers = pieces[1].address;
    for (unsigned i = 0; i < CR_RINGS; i++)
        shared->rings[i] = (struct canring_ring){.slots = pieces[2 + 2 * CR_RINGS + i].address,
                                                 .capacity = CR_AUXILIARY_SLOTS,
                                                 .producer_side = pieces[2 + 2 * i].address,
                                                 .consumer_side = pieces[3 + 2 * i].address};
    shared->guard = cr_guard_add(&shared->mapping);
    return shared->guard < 0
               ? canring_error_set(err, shared->guard, "too many shared mappings in this process")
               : 0;
}

static int begin(struct cr_auxiliary_shared *shared, const char *name, char *object, size_t size,
                 struct canring_error *err)
{
    *shared = (struct cr_auxiliary_shared){.region.fd = -1, .guard = -1, .bell = -1};
    if (!*name || strlen(name) >= sizeof(shared->name) || strchr(name, '/') || name[0] == '.')
        return canring_error_set(err, -EINVAL,
                                 "auxiliary name '%.80s': allowed are 1 to %d characters, no '/', "
                                 "not beginning with '.'",
                                 name, CR_AUXILIARY_NAME - 1);
    memcpy(shared->name, name, strlen(name) + 1);
    return cr_shm_name(object, size, "auxiliary", name, NULL, err);
}

static int create_region(struct cr_region *region, const char *object, struct canring_error *err)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int result = -EEXIST;
    for (int tries = 0; tries < CREATE_TRIES && result == -EEXIST; tries++) {
        if (tries)
            nanosleep(&pause, NULL);
        result = cr_region_create(region, object, total_bytes(CR_AUXILIARY_SLOTS), (gid_t)-1, err);
    }
    return result;
}

static int init_callers(struct cr_auxiliary_callers *callers)
{
    struct cr_lock *const locks[] = {&callers->call, &callers->request, &callers->report};
    int result = 0;
    for (unsigned i = 0; i < 3 && result == 0; i++)
        result = cr_lock_init(locks[i]);
    return result;
}

static int fill(struct cr_auxiliary_shared *shared, struct canring_error *err)
{
    struct cr_auxiliary_header *header = shared->header;
    int result = init_callers(shared->callers);
    if (result < 0)
        return canring_error_set(err, result, "locks of %s: %s", shared->name, strerror(-result));
    memcpy(header->magic, CR_AUXILIARY_MAGIC, sizeof(header->magic));
    header->byte_order = BYTE_ORDER_MARK;
    header->header_bytes = sizeof(*header);
    header->page_bytes = (uint32_t)cr_page_size();
    header->slots = CR_AUXILIARY_SLOTS;
    header->lock_bytes = sizeof(struct cr_auxiliary_callers);
    header->total_bytes = shared->region.bytes;
    header->generation = cr_monotonic_ns();
    header->pid = (uint32_t)getpid();
    memcpy(header->name, shared->name, sizeof(header->name));
    shared->bell = open_bell(shared->name, true, err);
    return shared->bell < 0 ? shared->bell : 0;
}

int cr_auxiliary_shared_create(struct cr_auxiliary_shared *shared, const char *name,
                               struct canring_error *err)
{
    char object[CR_REGION_NAME];
    int result = begin(shared, name, object, sizeof(object), err);
    if (result == 0)
        result = create_region(&shared->region, object, err);
    if (result == -EEXIST)
        return canring_error_set(err, result, "an auxiliary named '%s' is running already", name);
    if (result == 0)
        result = map(shared, err);
    if (result == 0)
        result = fill(shared, err);
    if (result < 0)
        cr_auxiliary_shared_close(shared);
    return result;
}

void cr_auxiliary_shared_ready(struct cr_auxiliary_shared *shared)
{
    atomic_store_explicit(&shared->header->version, CR_LAYOUT_VERSION, memory_order_release);
}

static int check(const struct cr_auxiliary_header *h, uint64_t bytes, const char *name,
                 struct canring_error *err)
{
    uint32_t version = atomic_load_explicit(&h->version, memory_order_relaxed);
    if (version == 0)
        return canring_error_set(err, -EAGAIN, "auxiliary %s is not ready yet", name);
    if (memcmp(h->magic, CR_AUXILIARY_MAGIC, sizeof(h->magic)) != 0)
        return canring_error_set(err, -EPROTO, "auxiliary %s: not a canring auxiliary", name);
    if (version != CR_LAYOUT_VERSION)
        return canring_error_set(err, -EPROTONOSUPPORT,
                                 "auxiliary %s: layout version %u, this library has version %u",
                                 name, version, CR_LAYOUT_VERSION);
    if (h->byte_order != BYTE_ORDER_MARK || h->header_bytes != sizeof(*h) ||
        h->page_bytes != cr_page_size() || h->slots != CR_AUXILIARY_SLOTS ||
        h->lock_bytes != sizeof(struct cr_auxiliary_callers) || h->total_bytes != bytes ||
        bytes != total_bytes(CR_AUXILIARY_SLOTS))
        return canring_error_set(err, -EBADMSG,
                                 "auxiliary %s: its memory (%llu bytes) is laid out otherwise than "
                                 "this library does it (%llu bytes)",
                                 name, (unsigned long long)bytes,
                                 (unsigned long long)total_bytes(CR_AUXILIARY_SLOTS));
    return 0;
}

static bool owned(const struct cr_region *region)
{
    /* Shared: two who look at once do not take each other for the owner. */
    if (flock(region->fd, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK;
    flock(region->fd, LOCK_UN);
    return false;
}

int cr_auxiliary_shared_attach(struct cr_auxiliary_shared *shared, const char *name,
                               struct canring_error *err)
{
    char object[CR_REGION_NAME];
    struct cr_auxiliary_header copy = {0};
    int result = begin(shared, name, object, sizeof(object), err);
    if (result == 0)
        result = cr_region_open(&shared->region, object, err);
    if (result == 0 && !owned(&shared->region))
        result = -ENOENT;
    if (result == 0 && pread(shared->region.fd, &copy, sizeof(copy), 0) < 0)
        result = -errno;
    if (result == -ENOENT)
        canring_error_set(err, result, "no auxiliary or proxy named '%s' is running", name);
    if (result == 0)
        result = check(&copy, shared->region.bytes, name, err);
    if (result == 0)
        result = map(shared, err);
    if (result == 0 && (shared->bell = open_bell(name, false, err)) < 0)
        result = shared->bell;
    if (result < 0)
        cr_auxiliary_shared_close(shared);
    return result;
}

bool cr_auxiliary_shared_alive(const struct cr_auxiliary_shared *shared)
{
    return atomic_load_explicit(&shared->header->state, memory_order_acquire) ==
               CR_AUXILIARY_SERVING &&
           !cr_guard_hit(shared->guard) && owned(&shared->region);
}

bool cr_auxiliary_shared_held(const struct cr_auxiliary_shared *shared)
{
    return owned(&shared->region);
}

void cr_auxiliary_shared_close(struct cr_auxiliary_shared *shared)
{
    if (shared->region.owner && shared->header) {
        atomic_store_explicit(&shared->header->instance, 0, memory_order_relaxed);
        atomic_store_explicit(&shared->header->state, CR_AUXILIARY_CLOSED, memory_order_release);
    }
    if (shared->region.owner)
        remove_bell(shared->name);
    cr_guard_remove(shared->guard);
    cr_region_unmap(&shared->mapping);
    cr_region_close(&shared->region);
    if (shared->bell >= 0)
        close(shared->bell);
    *shared = (struct cr_auxiliary_shared){.region.fd = -1, .guard = -1, .bell = -1};
}

void cr_auxiliary_shared_forget(struct cr_auxiliary_shared *shared)
{
    shared->region.owner = false;
    cr_auxiliary_shared_close(shared);
}

void cr_auxiliary_shared_clean(const char *name)
{
    char object[CR_REGION_NAME];
    struct cr_region region;
    struct stat st;
    if (cr_shm_name(object, sizeof(object), "auxiliary", name, NULL, NULL) < 0 ||
        cr_region_open(&region, object, NULL) < 0)
        return;
    /* The lock of an object that still has its name: nobody can have begun to serve anew. */
    if (flock(region.fd, LOCK_EX | LOCK_NB) == 0 && fstat(region.fd, &st) == 0 && st.st_nlink > 0) {
        remove_bell(name);
        shm_unlink(object);
    }
    cr_region_close(&region);
}

void cr_auxiliary_producer(struct canring_producer *p, const struct canring_ring *ring, int bell)
{
    cr_producer_resume(p, ring);
    p->ticket = atomic_load_explicit(&ring->producer_side->waiting, memory_order_relaxed) &
                ~CANRING_ASLEEP_MASK;
    p->bell_fd = bell;
}

void cr_auxiliary_consumer(struct canring_consumer *c, const struct canring_ring *ring, int bell)
{
    canring_consumer_init(c, ring);
    c->ticket = atomic_load_explicit(&ring->consumer_side->waiting, memory_order_relaxed) &
                ~CANRING_ASLEEP_MASK;
    c->bell_fd = bell;
}
