#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>

#include "proxy/engine.h"
#include "shm/huge.h"
#include "shm/latency.h"

#define MEMORY_OF_ITS_OWN (64u << 20) /* buffers of the bus, the loop, the trace */

static uint64_t ring_bytes(const struct canring_channel_config *channel)
{
    uint32_t slots = channel->ring_slots ? channel->ring_slots : CANRING_RING_SLOTS;
    return 2 * cr_segment_bytes(slots, slots, channel->huge_pages); /* mapped twice */
}

static int check_mlock(const struct canring_proxy_options *options, struct canring_error *err)
{
    uint64_t bytes = MEMORY_OF_ITS_OWN;
    for (size_t i = 0; i < options->channel_count; i++)
        bytes += ring_bytes(&options->channels[i]);
    return cr_latency_check_mlock(bytes, err);
}

static int check_huge_pages(const struct canring_proxy_options *options, struct canring_error *err)
{
    bool wanted = false;
    for (size_t i = 0; i < options->channel_count; i++) {
        const struct canring_channel_config *channel = &options->channels[i];
        uint32_t slots = channel->ring_slots ? channel->ring_slots : CANRING_RING_SLOTS;
        if (channel->huge_pages && !cr_segment_huge_slots(slots))
            return canring_error_set(err, -EINVAL,
                                     "huge_pages: channel %s has rings of %u slots; allowed are "
                                     "%u, which fill a page of 2 MiB, and multiples of it",
                                     channel->name, slots, CR_HUGE_SLOTS);
        wanted = wanted || channel->huge_pages;
    }
    return wanted ? cr_huge_check(err) : 0;
}

static int check_busy_poll(const struct canring_proxy_options *options, struct canring_error *err)
{
    static const char *const waits[] = {"adaptive", "spin", "park"};
    if (options->coalesce && options->wait == CANRING_WAIT_SPIN)
        return canring_error_set(err, -EINVAL,
                                 "coalesce %u: has no meaning with wait: spin, which never sleeps",
                                 options->coalesce);
    if (!options->busy_poll || options->wait == CANRING_WAIT_ADAPTIVE)
        return 0;
    return canring_error_set(err, -EINVAL,
                             "busy_poll %u: has no meaning with wait: %s, only with adaptive",
                             options->busy_poll, waits[options->wait]);
}

int cr_proxy_prepare_latency(struct canring_proxy *proxy,
                             const struct canring_proxy_options *options, struct canring_error *err)
{
    proxy->latency = options->latency;
    proxy->latency.mlock = false; /* done here, once */
    proxy->latency.cpus = options->latency.cpus ? strdup(options->latency.cpus) : NULL;
    if (options->latency.cpus && !proxy->latency.cpus)
        return canring_error_set(err, -ENOMEM, "no memory for a list of processors");
    int result = check_busy_poll(options, err);
    if (result == 0) /* without mlock: check_mlock knows how much it will be */
        result = canring_latency_check(&proxy->latency, err);
    if (result == 0)
        result = check_huge_pages(options, err);
    if (result < 0 || !options->latency.mlock)
        return result;
    const struct canring_latency memory = {.mlock = true};
    result = check_mlock(options, err);
    if (result == 0)
        result = canring_latency_apply(&memory, err);
    proxy->memory_locked = result == 0;
    return result;
}

int cr_proxy_apply_latency(struct canring_proxy *proxy)
{
    struct canring_error err = {0};
    if (proxy->latency_applied)
        return 0;
    int result = canring_latency_apply(&proxy->latency, &err);
    proxy->latency_applied = result == 0;
    if (result < 0)
        cr_proxy_report(proxy, LOG_ERR, "%s", err.text);
    return result;
}

void cr_proxy_close_latency(struct canring_proxy *proxy)
{
    char *cpus = NULL;
    memcpy(&cpus, &proxy->latency.cpus, sizeof(cpus)); /* ours, although its users may not write */
    free(cpus);
    if (proxy->memory_locked)
        munlockall();
}
