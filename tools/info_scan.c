#include "info_scan.h"

#include <canring/bits.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "text_clean.h"

#define SECOND      UINT64_C(1000000000)
#define PICOSECONDS UINT64_C(1000000000000)

static struct info_bus *bus_of(struct info *info, const struct info_options *options,
                               const struct canring_trace_reader *reader, uint32_t index)
{
    if (index < info->bus_count)
        return &info->buses[index];
    struct info_bus *more = realloc(info->buses, (index + 1) * sizeof(*more));
    if (!more)
        return NULL;
    info->buses = more;
    while (info->bus_count <= index) {
        const char *name = canring_trace_reader_bus(reader, info->bus_count);
        struct info_bus *bus = &more[info->bus_count];
        *bus = (struct info_bus){.name = text_clean(name ? name : "?"), .load.length_ns = SECOND};
        if (!bus->name)
            return NULL;
        info->bus_count++;
        const struct info_bitrate *rate = info_options_bitrate(options, name ? name : "?");
        if (rate)
            bus->rate = *rate;
    }
    return &info->buses[index];
}

static void count_load(struct info_bus *bus, const struct canring_frame *frame)
{
    struct canring_bits bits = canring_frame_bits(frame);

    bus->bits_nominal += bits.nominal;
    bus->bits_data += bits.data;
    if (bus->rate.nominal == 0)
        return;
    uint32_t data_rate = bus->rate.data ? bus->rate.data : bus->rate.nominal;
    window_add(&bus->load, frame->timestamp_ns, bits.nominal * PICOSECONDS / bus->rate.nominal,
               bits.data * PICOSECONDS / data_rate);
}

static void count_kind(struct info_bus *bus, const struct canring_frame *frame)
{
    if (frame->flags & CANRING_XL)
        bus->xl++;
    else if (frame->flags & CANRING_FD)
        bus->fd++;
    else if (canring_frame_is_error(frame))
        bus->error++;
    else if (canring_frame_is_remote(frame))
        bus->remote++;
    else
        bus->classic++;
    bus->brs += (frame->flags & CANRING_BRS) != 0;
    bus->sent += (frame->flags & CANRING_TX) != 0;
}

uint64_t info_bus_frames(const struct info_bus *bus)
{
    return bus->classic + bus->fd + bus->xl + bus->remote + bus->error;
}

static void note_silence(struct info *info, uint64_t begin_ns, uint64_t length_ns)
{
    struct info_silence *list = info->silences;
    int at = INFO_SILENCES;

    while (at > 0 && length_ns > list[at - 1].length_ns)
        at--;
    if (at == INFO_SILENCES)
        return;
    memmove(&list[at + 1], &list[at], (size_t)(INFO_SILENCES - 1 - at) * sizeof(*list));
    list[at] = (struct info_silence){begin_ns, length_ns};
}

static void count_time(struct info *info, uint64_t at_ns, bool first)
{
    if (first) {
        info->first_ns = info->last_ns = info->previous_ns = at_ns;
        return;
    }
    if (at_ns < info->previous_ns) {
        if (info->back_count++ == 0)
            info->back_first_ns = info->previous_ns;
        if (info->previous_ns - at_ns > info->back_largest_ns)
            info->back_largest_ns = info->previous_ns - at_ns;
    }
    if (at_ns > info->last_ns) {
        note_silence(info, info->last_ns, at_ns - info->last_ns);
        info->last_ns = at_ns;
    }
    if (at_ns < info->first_ns)
        info->first_ns = at_ns;
    info->previous_ns = at_ns;
}

static void count_bus_time(struct info_bus *bus, uint64_t at_ns)
{
    bool first = info_bus_frames(bus) == 0;

    if (first || at_ns < bus->first_ns)
        bus->first_ns = at_ns;
    if (first || at_ns > bus->last_ns)
        bus->last_ns = at_ns;
}

static void count_loss(struct info *info, struct info_bus *bus,
                       const struct canring_trace_entry *entry)
{
    if (info->lost_entries++ == 0)
        info->lost_first_ns = entry->timestamp_ns;
    info->lost_frames += entry->lost;
    info->lost_unknown += entry->lost == 0;
    bus->lost_entries++;
    bus->lost_frames += entry->lost;
}

static int count_entry(struct info *info, const struct info_options *options,
                       const struct canring_trace_reader *reader,
                       const struct canring_trace_entry *entry)
{
    struct info_bus *bus = bus_of(info, options, reader, entry->bus);
    const struct canring_frame *frame = entry->frame;

    if (!bus)
        return -ENOMEM;
    if (entry->kind == CANRING_TRACE_LOST) {
        count_loss(info, bus, entry);
        return 0;
    }
    count_time(info, frame->timestamp_ns, info->frames == 0);
    count_bus_time(bus, frame->timestamp_ns);
    count_kind(bus, frame);
    count_load(bus, frame);
    window_add(&info->second, frame->timestamp_ns, 1, 0);
    window_add(&info->ten_ms, frame->timestamp_ns, 1, 0);
    info->frames++;
    return canring_frame_is_error(frame) ? 0 : info_ids_add(&info->ids, entry->bus, frame);
}

static int read_all(struct info *info, const struct info_options *options,
                    struct canring_trace_reader *reader, struct progress *progress)
{
    struct canring_trace_entry entry;
    struct canring_error err;
    uint64_t done;
    int result;

    while ((result = canring_trace_reader_next(reader, &entry, &err)) != 0) {
        if (result < 0) {
            damage_add(&info->damage, &err);
            if (result != -EINVAL)
                return result;
        } else if (count_entry(info, options, reader, &entry)) {
            return -ENOMEM;
        }
        if (progress_due(progress)) {
            canring_trace_reader_progress(reader, &done, &info->bytes);
            progress_show(progress, done, info->bytes, info->frames);
        }
    }
    return 0;
}

static void finish(struct info *info, const struct canring_trace_reader *reader)
{
    uint64_t done;

    canring_trace_reader_progress(reader, &done, &info->bytes);
    info->unfinished = canring_trace_reader_unfinished(reader);
    info->undated = canring_trace_reader_undated(reader);
    info->foreign = canring_trace_reader_foreign(reader);
    window_end(&info->second);
    window_end(&info->ten_ms);
    for (uint32_t i = 0; i < info->bus_count; i++)
        window_end(&info->buses[i].load);
}

int info_scan(struct info *info, const char *path, const struct info_options *options,
              struct canring_error *err)
{
    struct canring_trace_reader *reader;
    struct progress progress;

    memset(info, 0, sizeof(*info));
    info->path = path;
    info->second.length_ns = SECOND;
    info->ten_ms.length_ns = SECOND / 100;
    int result = canring_trace_reader_open(&reader, path, options->format, err);
    if (result < 0)
        return result;
    info->format = canring_trace_reader_format(reader);
    progress_start(&progress);
    info->error = read_all(info, options, reader, &progress);
    progress_end(&progress);
    finish(info, reader);
    canring_trace_reader_close(reader);
    if (info->error == -ENOMEM)
        return canring_error_set(err, -ENOMEM, "%s: out of memory", path);
    return 0;
}

void info_free(struct info *info)
{
    for (uint32_t i = 0; i < info->bus_count; i++)
        free(info->buses[i].name);
    free(info->buses);
    info_ids_free(&info->ids);
}
