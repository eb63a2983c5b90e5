#include "proxy/collector_ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proxy/collector_records.h"
#include "shm/runtime_dir.h"

#define NAMES_TRIED  100 /* coordinators at once that share a runtime directory */
#define END_TRIES    500
#define END_PAUSE_MS 20

static int create(struct cr_log_ring *ring, const struct cr_segment_geometry *geometry,
                  struct canring_error *err)
{
    char name[CR_REGION_NAME], serial[8];
    int result = -EEXIST;
    for (unsigned i = 0; i < NAMES_TRIED && result == -EEXIST; i++) {
        snprintf(serial, sizeof(serial), "%u", i);
        result = cr_shm_name(name, sizeof(name), CR_LOG_KIND, ring->process, serial, err);
        if (result == 0)
            result = cr_segment_create(&ring->segment, name, geometry, err);
    }
    return result;
}

int cr_log_ring_open(struct cr_log_ring *ring, const char *process, uint32_t slots,
                     struct canring_error *err)
{
    *ring = (struct cr_log_ring){.segment = {.region.fd = -1, .guard = -1}};
    if (strlen(process) > CR_LOG_PROCESS_MAX)
        return canring_error_set(err, -ENAMETOOLONG, "the name '%s' has more than %u bytes",
                                 process, CR_LOG_PROCESS_MAX);
    snprintf(ring->process, sizeof(ring->process), "%s", process);
    const struct cr_segment_geometry geometry = {.proxy = CR_LOG_KIND,
                                                 .channel = process,
                                                 .rx_slots = CANRING_SLOTS_MIN,
                                                 .tx_slots = slots,
                                                 .group = (gid_t)-1};
    int result = create(ring, &geometry, err);
    if (result == 0)
        canring_consumer_init(&ring->in, &ring->segment.tx);
    return result;
}

void cr_log_ring_close(struct cr_log_ring *ring)
{
    atomic_store_explicit(&ring->segment.header->state, CR_SEGMENT_CLOSED, memory_order_relaxed);
    cr_segment_close(&ring->segment);
}

/* `copy` is ours; `size` is what the ring said. NULL and *damage, or NULL alone without memory. */
static struct cr_log_record *decode(const char *process, const uint8_t *copy, uint32_t size,
                                    const char **damage)
{
    struct cr_log_wire wire;
    if (size < sizeof(wire)) {
        *damage = "a record is shorter than its header";
        return NULL;
    }
    memcpy(&wire, copy, sizeof(wire));
    if (wire.logger_bytes > CR_LOG_LOGGER_MAX || wire.text_bytes > CANRING_LOG_TEXT_MAX ||
        sizeof(wire) + wire.logger_bytes + wire.text_bytes != size) {
        *damage = "a record's lengths are impossible";
        return NULL;
    }
    const char *bytes = (const char *)copy + sizeof(wire);
    const struct cr_log_record values = {.time_ns = wire.time_ns,
                                         .pid = wire.pid,
                                         .level = wire.level,
                                         .process = process,
                                         .logger = bytes,
                                         .text = bytes + wire.logger_bytes,
                                         .text_bytes = wire.text_bytes};
    return cr_record_make(&values, strlen(process), wire.logger_bytes);
}

/* The next record, or NULL: none, without memory (*consumed), or damaged. */
static struct cr_log_record *next(struct cr_log_ring *ring, bool *consumed)
{
    uint8_t copy[CR_LOG_WIRE_MAX];
    uint32_t size = 0;
    *consumed = false;
    const struct canring_record *record = canring_ring_peek(&ring->in, &size);
    if (ring->in.broken || (record && size > sizeof(copy)))
        ring->damage = "a record's size is impossible";
    if (!record || ring->damage)
        return NULL;
    memcpy(copy, record, size);
    canring_ring_consume(&ring->in);
    *consumed = true;
    return decode(ring->process, copy, size, &ring->damage);
}

unsigned cr_log_ring_read(struct cr_log_ring *ring,
                          void (*take)(void *arg, struct cr_log_record *record), void *arg,
                          uint64_t *no_memory)
{
    const uint64_t end = ring->in.next + ring->in.mask + 1;
    unsigned taken = 0;
    bool consumed = true;
    while (!ring->damage && consumed && ring->in.next < end) {
        struct cr_log_record *record = next(ring, &consumed);
        if (record) {
            take(arg, record);
            taken++;
        } else if (consumed && !ring->damage) {
            ++*no_memory;
        }
    }
    canring_ring_release(&ring->in);
    if (!ring->damage && cr_segment_lost(&ring->segment))
        ring->damage = "its memory was taken away";
    return taken;
}

uint64_t cr_log_ring_lost(const struct cr_log_ring *ring)
{
    return cr_counted(&ring->segment.user->full);
}

/* Creating takes a leftover's name over, if its owner is dead, and closing removes it: the only
 * way without a race. */
static void remove_leftover(const char *name)
{
    struct cr_region region;
    if (cr_region_create(&region, name, cr_page_size(), (gid_t)-1, NULL) == 0)
        cr_region_close(&region);
}

static bool made_by(const char *name, pid_t owner)
{
    struct cr_segment_header header;
    int fd = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    ssize_t got = pread(fd, &header, sizeof(header), 0);
    close(fd);
    return got == (ssize_t)sizeof(header) && (pid_t)header.owner_pid == owner;
}

/* Returns how many rings of `owner` (0 = nobody) could not be removed. */
static unsigned sweep(pid_t owner)
{
    char prefix[CR_REGION_NAME], name[CR_REGION_NAME];
    unsigned left = 0;
    DIR *dir = opendir("/dev/shm");
    if (!dir)
        return 0;
    if (cr_shm_name(prefix, sizeof(prefix), CR_LOG_KIND, "", NULL, NULL) == 0) {
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            int length = snprintf(name, sizeof(name), "/%s", entry->d_name);
            if (length >= (int)sizeof(name) || strncmp(name, prefix, strlen(prefix)) != 0)
                continue;
            remove_leftover(name);
            left += owner && made_by(name, owner);
        }
    }
    closedir(dir);
    return left;
}

void cr_log_rings_sweep(void)
{
    sweep(0);
}

void cr_log_rings_end(pid_t owner)
{
    for (unsigned i = 0; i < END_TRIES && sweep(owner); i++)
        poll(NULL, 0, END_PAUSE_MS);
}
