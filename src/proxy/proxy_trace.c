/* The recordings of a proxy: they see every frame that its auxiliaries see, and those that these
 * send. */
#include <syslog.h>

#include "proxy/engine.h"

#define EACH_RECORDER(proxy, r)                                                                    \
    for (struct cr_recorder * r, **at = (proxy)->recorders;                                        \
         at < (proxy)->recorders + CR_RECORDERS; at++)                                             \
        if ((r = *at) != NULL)

static int open_one(struct canring_proxy *proxy, unsigned index,
                    const struct canring_recording *recording, struct canring_error *err)
{
    if (!recording)
        return 0;
    int result = cr_recorder_open(&proxy->recorders[index], recording, proxy->bell, proxy->report,
                                  proxy->report_arg, err);
    if (result == 0)
        result = cr_recorder_bus(proxy->recorders[index], proxy->bus->name);
    return result < 0 ? result : 0;
}

int cr_proxy_open_traces(struct canring_proxy *proxy, const struct canring_proxy_options *options,
                         struct canring_error *err)
{
    int result = open_one(proxy, CR_RECORDER_PROXY, options->trace, err);

    return result < 0 ? result
                      : open_one(proxy, CR_RECORDER_CONNECTOR, options->connector_trace, err);
}

/* False when it lacks frames. */
static bool close_one(struct canring_proxy *proxy, struct cr_recorder *recorder)
{
    struct canring_recording_stats stats;
    struct canring_error err = {0};

    if (proxy->losses.open) /* behind the last frame */
        cr_recorder_lost(recorder, 0, proxy->losses.open, cr_realtime_ns());
    const int result = cr_recorder_finish(recorder, &stats, &err);
    if (result < 0)
        cr_proxy_report(proxy, LOG_ERR, "the trace is not complete: %s", err.text);
    const uint64_t missing = stats.dropped + stats.given_up;
    if (missing)
        cr_proxy_report(proxy, LOG_ERR, "the trace %.200s lacks %llu frames", stats.writer.path,
                        (unsigned long long)missing);
    cr_recorder_free(recorder);
    return result == 0 && missing == 0;
}

bool cr_proxy_close_traces(struct canring_proxy *proxy)
{
    bool whole = true;

    EACH_RECORDER(proxy, recorder)
    {
        whole = close_one(proxy, recorder) && whole;
        *at = NULL;
    }
    return whole;
}

/* Without room for another name frames are better there under the first one than not at all. */
static uint32_t index_of(struct cr_recorder *recorder, const struct cr_bus *bus)
{
    int index = bus->origin[0] ? cr_recorder_bus_again(recorder, bus->origin) : 0;
    return index < 0 ? 0 : (uint32_t)index;
}

static void record_received(struct cr_recorder *recorder, struct cr_batch *batch, uint32_t from,
                            uint32_t index, struct cr_losses losses)
{
    for (struct canring_frame *f = cr_batch_first_from(batch, from); f;
         f = cr_batch_next(batch, f)) {
        uint64_t lost = cr_losses_before(&losses, f);
        if (lost)
            cr_recorder_lost(recorder, index, lost, f->timestamp_ns);
        cr_recorder_put(recorder, f, index);
    }
}

void cr_proxy_record_received(struct canring_proxy *proxy, struct cr_batch *batch, uint32_t from)
{
    if (!proxy->recorders[CR_RECORDER_PROXY] && !proxy->recorders[CR_RECORDER_CONNECTOR])
        return;
    cr_losses_told(&proxy->losses, proxy->bus->stats.rx_lost_kernel);
    EACH_RECORDER(proxy, recorder)
    record_received(recorder, batch, from, index_of(recorder, proxy->bus), proxy->losses);
    for (struct canring_frame *f = cr_batch_first_from(batch, from); f; f = cr_batch_next(batch, f))
        cr_losses_before(&proxy->losses, f);
}

void cr_proxy_publish_received(struct canring_proxy *proxy)
{
    EACH_RECORDER(proxy, recorder) cr_recorder_publish(recorder);
}

void cr_proxy_record_sent(struct canring_proxy *proxy, struct cr_batch *batch)
{
    EACH_RECORDER(proxy, recorder)
    {
        for (struct canring_frame *f = cr_batch_first(batch); f; f = cr_batch_next(batch, f))
            cr_recorder_put(recorder, f, 0);
        cr_recorder_publish(recorder);
    }
}

bool cr_proxy_service_traces(struct canring_proxy *proxy)
{
    bool moved = false;

    EACH_RECORDER(proxy, recorder)
    if (cr_recorder_busy(recorder))
        moved = cr_recorder_service(recorder) || moved;
    return moved;
}

bool cr_proxy_traces_have_room(struct canring_proxy *proxy)
{
    bool room = true;

    EACH_RECORDER(proxy, recorder) room = cr_outlet_has_room(&recorder->outlet) && room;
    return room;
}

bool cr_proxy_prepare_traces(struct canring_proxy *proxy, bool for_source)
{
    bool idle = true;

    EACH_RECORDER(proxy, recorder)
    idle = cr_outlet_prepare(&recorder->outlet, for_source) && idle;
    return idle;
}

void cr_proxy_awake_traces(struct canring_proxy *proxy)
{
    EACH_RECORDER(proxy, recorder) cr_outlet_awake(&recorder->outlet);
}
