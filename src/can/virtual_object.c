#include "can/virtual_object.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "can/virtual_ring.h"
#include "shm/guard.h"

#define PATIENCE_MS  2000
#define OBJECT_BYTES ((off_t)(CR_VBUS_HEAD_BYTES + CR_VBUS_RING_BYTES))
#define SETUP_BYTE   0
#define NODE_BYTE(n) ((off_t)(n) + 1)

static void sleep_ms(long ms)
{
    const struct timespec span = {.tv_nsec = ms * 1000000};
    nanosleep(&span, NULL);
}

static int lock_byte(int fd, off_t byte, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static bool is_locked(int fd, off_t byte, off_t count)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = count};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool cr_vbus_alive(const struct cr_vbus *vbus, unsigned node)
{
    return is_locked(vbus->region.fd, NODE_BYTE(node), 1);
}

static bool anyone_alive(int fd)
{
    return is_locked(fd, NODE_BYTE(0), CR_VBUS_NODES);
}

static int lock_setup(const struct cr_region *region, struct canring_error *err)
{
    int rc = -EAGAIN;
    for (int waited = 0; waited < PATIENCE_MS; waited++) {
        rc = lock_byte(region->fd, SETUP_BYTE, F_WRLCK);
        if (rc != -EAGAIN && rc != -EACCES)
            break;
        sleep_ms(1);
    }
    if (rc == -EAGAIN || rc == -EACCES)
        return canring_error_set(err, -EBUSY, "/dev/shm%s: someone is joining and does not go on",
                                 region->name);
    return rc ? canring_error_set(err, rc, "cannot lock /dev/shm%s: %s", region->name,
                                  strerror(-rc))
              : 0;
}

static int allocate(const struct cr_region *region, struct canring_error *err)
{
    int rc = ftruncate(region->fd, 0) < 0 ? errno : 0;
    while (!rc && (rc = posix_fallocate(region->fd, 0, OBJECT_BYTES)) == EINTR)
        rc = 0;
    if (rc == ENOSPC || rc == ENOMEM)
        return canring_error_set(err, -ENOSPC,
                                 "/dev/shm is too small for %s: %lld bytes needed; enlarge it "
                                 "(mount -o remount,size=… /dev/shm)",
                                 region->name, (long long)OBJECT_BYTES);
    return rc ? canring_error_set(err, -rc, "cannot allocate /dev/shm%s: %s", region->name,
                                  strerror(rc))
              : 0;
}

static int map(struct cr_vbus *vbus, struct canring_error *err)
{
    struct cr_piece pieces[] = {
        {.offset = 0, .bytes = CR_VBUS_HEAD_BYTES, .writable = true},
        {.offset = CR_VBUS_HEAD_BYTES,
         .bytes = CR_VBUS_RING_BYTES,
         .writable = true,
         .twice = true},
    };
    int rc = cr_region_map(&vbus->region, pieces, 2, &vbus->mapping, err);
    if (rc)
        return rc;
    vbus->shared = pieces[0].address;
    vbus->ring = pieces[1].address;
    vbus->guard = cr_guard_add(&vbus->mapping);
    return vbus->guard < 0 ? canring_error_set(err, vbus->guard, "too many shared objects") : 0;
}

/* The object is new, or only the dead were in it. */
static int initialise(struct cr_vbus *vbus, struct canring_error *err)
{
    int rc = allocate(&vbus->region, err);
    if (!rc)
        rc = map(vbus, err);
    if (rc)
        return rc;
    vbus->shared->magic = CR_VBUS_MAGIC;
    vbus->shared->slots = CR_VBUS_SLOTS;
    vbus->shared->nodes = CR_VBUS_NODES;
    atomic_store_explicit(&vbus->shared->version, CR_VBUS_VERSION, memory_order_release);
    return 0;
}

static int enter(struct cr_vbus *vbus, struct canring_error *err)
{
    struct stat st;
    const char *name = vbus->region.name;
    if (fstat(vbus->region.fd, &st) < 0 || st.st_size != OBJECT_BYTES)
        return canring_error_set(err, -EPROTO, "/dev/shm%s is not a bus of this version", name);
    int rc = map(vbus, err);
    if (rc)
        return rc;
    if (atomic_load_explicit(&vbus->shared->version, memory_order_acquire) != CR_VBUS_VERSION ||
        vbus->shared->magic != CR_VBUS_MAGIC || vbus->shared->slots != CR_VBUS_SLOTS ||
        vbus->shared->nodes != CR_VBUS_NODES)
        return canring_error_set(err, -EPROTO, "/dev/shm%s is not a bus of this version", name);
    return 0;
}

static int take_node(struct cr_vbus *vbus, struct canring_error *err)
{
    unsigned node = 0;
    while (node < CR_VBUS_NODES && lock_byte(vbus->region.fd, NODE_BYTE(node), F_WRLCK))
        node++;
    if (node == CR_VBUS_NODES)
        return canring_error_set(err, -EUSERS, "/dev/shm%s: all %u places on the bus are taken",
                                 vbus->region.name, CR_VBUS_NODES);
    uint64_t generation =
        1 + atomic_fetch_add_explicit(&vbus->shared->generations, 1, memory_order_relaxed);
    vbus->node = node;
    vbus->key = generation << 32 | (node + 1);
    /* The one who had this node may have died with the writers' lock, or asleep. */
    uint64_t holder = atomic_load_explicit(&vbus->shared->lock, memory_order_relaxed);
    if ((uint32_t)holder == node + 1)
        atomic_compare_exchange_strong_explicit(&vbus->shared->lock, &holder, 0,
                                                memory_order_acq_rel, memory_order_relaxed);
    atomic_fetch_and_explicit(&vbus->shared->sleepers, ~(UINT64_C(1) << node),
                              memory_order_relaxed);
    return 0;
}

static int join(struct cr_vbus *vbus, struct canring_error *err)
{
    int rc = take_node(vbus, err);
    if (rc)
        return rc;
    for (int waited = 0; !cr_vbus_lock(vbus); waited++) {
        if (waited == PATIENCE_MS)
            return canring_error_set(err, -EBUSY,
                                     "/dev/shm%s: a sender holds the bus and does "
                                     "not go on (stopped?)",
                                     vbus->region.name);
        sleep_ms(1);
    }
    cr_vbus_skip_to_head(vbus);
    atomic_fetch_or_explicit(&vbus->shared->members, UINT64_C(1) << vbus->node,
                             memory_order_relaxed);
    cr_vbus_unlock(vbus);
    return 0;
}

static void release(struct cr_vbus *vbus)
{
    if (vbus->guard >= 0)
        cr_guard_remove(vbus->guard);
    cr_region_unmap(&vbus->mapping);
    cr_region_close(&vbus->region);
}

/* With the setup byte locked. */
static int attach_locked(struct cr_vbus *vbus, struct canring_error *err)
{
    bool fresh = !anyone_alive(vbus->region.fd);
    int rc = fresh ? initialise(vbus, err) : enter(vbus, err);
    if (!rc)
        rc = join(vbus, err);
    if (rc && fresh)
        shm_unlink(vbus->region.name);
    return rc;
}

static int open_object(struct cr_vbus *vbus, const char *object, struct canring_error *err)
{
    struct stat st;
    memset(vbus, 0, sizeof(*vbus));
    vbus->guard = vbus->region.fd = -1;
    if (strlen(object) >= sizeof(vbus->region.name))
        return canring_error_set(err, -ENAMETOOLONG, "the name of %s is too long", object);
    memcpy(vbus->region.name, object, strlen(object) + 1);
    vbus->region.fd = shm_open(object, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (vbus->region.fd < 0 || fstat(vbus->region.fd, &st) < 0)
        return canring_error_set(err, -errno, "cannot open /dev/shm%s: %s", object,
                                 strerror(errno));
    if (st.st_uid != geteuid())
        return canring_error_set(err, -EPERM, "/dev/shm%s belongs to user %u", object,
                                 (unsigned)st.st_uid);
    return lock_setup(&vbus->region, err);
}

int cr_vbus_attach(struct cr_vbus *vbus, const char *object, struct canring_error *err)
{
    for (;;) {
        struct stat st;
        int rc = open_object(vbus, object, err);
        bool named = !rc && fstat(vbus->region.fd, &st) == 0 && st.st_nlink > 0;
        if (!rc && named)
            rc = attach_locked(vbus, err);
        if (!rc && named)
            return lock_byte(vbus->region.fd, SETUP_BYTE, F_UNLCK);
        release(vbus);
        if (rc)
            return rc;
        /* The last one left while we waited: the next try makes a new object. */
    }
}

bool cr_vbus_leave(struct cr_vbus *vbus)
{
    uint64_t bit = UINT64_C(1) << vbus->node;

    atomic_store_explicit(&vbus->shared->node[vbus->node].cursor, CR_VBUS_EVICTED,
                          memory_order_release);
    atomic_fetch_and_explicit(&vbus->shared->members, ~bit, memory_order_relaxed);
    atomic_fetch_and_explicit(&vbus->shared->sleepers, ~bit, memory_order_relaxed);
    return lock_setup(&vbus->region, NULL) == 0 && !anyone_alive(vbus->region.fd);
}

void cr_vbus_detach(struct cr_vbus *vbus, bool last)
{
    if (last)
        shm_unlink(vbus->region.name);
    release(vbus);
}
