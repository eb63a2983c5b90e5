#include "info_print.h"

#include <stdio.h>
#include <string.h>

#include "time_text.h"

#define SECOND 1e9

typedef unsigned long long ull;

struct info_load info_bus_load(const struct info_bus *bus)
{
    struct info_load load = {0};
    double span = (double)(bus->last_ns - bus->first_ns) / SECOND;

    if (bus->rate.nominal == 0)
        return load;
    double data_rate = bus->rate.data ? bus->rate.data : bus->rate.nominal;
    if (span > 0) {
        load.mean_nominal = 100 * (double)bus->bits_nominal / bus->rate.nominal / span;
        load.mean_data = 100 * (double)bus->bits_data / data_rate / span;
    }
    load.peak_nominal = (double)bus->load.peak_first * 1e-10;
    load.peak_data = (double)bus->load.peak_second * 1e-10;
    return load;
}

double info_span(const struct info *info)
{
    return (double)(info->last_ns - info->first_ns) / SECOND;
}

double info_mean_rate(const struct info *info)
{
    double span = info_span(info);

    return span > 0 ? (double)(info->frames - 1) / span : 0;
}

static void print_times(const struct info *info)
{
    char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];

    if (info->frames == 0) {
        puts("frames    none");
        return;
    }
    printf("time      %s to %s, %.9f s\n", time_write(first, info->first_ns),
           time_write(last, info->last_ns), info_span(info));
    printf("frames    %llu, %.1f a second; busiest second %llu, busiest 10 ms %llu\n",
           (ull)info->frames, info_mean_rate(info), (ull)info->second.peak_first,
           (ull)info->ten_ms.peak_first);
}

static int name_width(const struct info *info)
{
    size_t width = strlen("bus");

    for (uint32_t i = 0; i < info->bus_count; i++)
        if (strlen(info->buses[i].name) > width)
            width = strlen(info->buses[i].name);
    return (int)width;
}

static void print_buses(const struct info *info)
{
    int width = name_width(info);

    if (info->bus_count)
        printf("%-*s %12s %12s %10s %8s %8s %8s %10s\n", width, "bus", "frames", "classic", "FD",
               "XL", "remote", "error", "sent");
    for (uint32_t i = 0; i < info->bus_count; i++) {
        const struct info_bus *bus = &info->buses[i];
        printf("%-*s %12llu %12llu %10llu %8llu %8llu %8llu %10llu\n", width, bus->name,
               (ull)info_bus_frames(bus), (ull)bus->classic, (ull)bus->fd, (ull)bus->xl,
               (ull)bus->remote, (ull)bus->error, (ull)bus->sent);
    }
}

static void print_loads(const struct info *info)
{
    for (uint32_t i = 0; i < info->bus_count; i++) {
        const struct info_bus *bus = &info->buses[i];
        struct info_load load = info_bus_load(bus);
        if (bus->rate.nominal == 0)
            continue;
        printf("load      %s at %u", bus->name, bus->rate.nominal);
        if (bus->rate.data)
            printf(",%u", bus->rate.data);
        printf(" bit/s: mean %.2f %% (nominal %.2f, data %.2f), busiest second %.2f %% (nominal "
               "%.2f, data %.2f)\n",
               load.mean_nominal + load.mean_data, load.mean_nominal, load.mean_data,
               load.peak_nominal + load.peak_data, load.peak_nominal, load.peak_data);
    }
}

static void print_gaps(const struct info *info)
{
    char when[TIME_TEXT_MAX];

    for (int i = 0; i < INFO_SILENCES && info->silences[i].length_ns; i++)
        printf("silence   %.9f s from %s\n", (double)info->silences[i].length_ns / SECOND,
               time_write(when, info->silences[i].begin_ns));
    if (info->back_count)
        printf("back      time steps back %llu times, by up to %.9f s, first after %s\n",
               (ull)info->back_count, (double)info->back_largest_ns / SECOND,
               time_write(when, info->back_first_ns));
    if (info->lost_entries)
        printf("lost      %llu frames%s, told in %llu places, first at %s\n",
               (ull)info->lost_frames, info->lost_unknown ? " or more" : "",
               (ull)info->lost_entries, time_write(when, info->lost_first_ns));
}

static void print_damage(const struct info *info)
{
    for (unsigned i = 0; i < info->damage.kept; i++)
        printf("damage    %s\n", info->damage.texts[i]);
    if (info->damage.count > info->damage.kept)
        printf("damage    and in %llu more places\n",
               (ull)(info->damage.count - info->damage.kept));
    if (info->unfinished)
        puts("unfinished: the file ends in the middle of something");
}

static void print_foreign(const struct info *info)
{
    if (info->foreign)
        printf("foreign   %llu packets of other link types or protocols than CAN, passed over\n",
               (ull)info->foreign);
}

static void print_id(const struct info *info, const struct info_id *id, int width)
{
    char text[16];
    bool extended = id->id & CANRING_ID_EXTENDED;

    snprintf(text, sizeof(text), extended ? "%08X" : "%03X", id->id & CANRING_ID_MASK_EXT);
    printf("%-*s %8s %12llu  %4u", width, info->buses[id->bus].name, text, (ull)id->count,
           id->length_min);
    if (id->length_max != id->length_min)
        printf("-%-4u", id->length_max);
    else
        printf("%5s", "");
    if (id->count > 1 && id->period_min != UINT64_MAX)
        printf(" %12.3f %12.3f %12.3f", (double)id->period_min * 1e-6,
               (double)info_id_mean_period(id) * 1e-6, (double)id->period_max * 1e-6);
    puts(id->xl ? "  XL" : "");
}

static void print_ids(struct info *info, const struct info_options *options)
{
    size_t shown =
        options->all_ids || options->ids > info->ids.count ? info->ids.count : (size_t)options->ids;
    int width = name_width(info);

    printf("ids       %zu", info->ids.count);
    if (info->ids.beyond)
        printf(", and %llu frames with others: no more than %u are kept apart",
               (ull)info->ids.beyond, INFO_IDS_MAX);
    putchar('\n');
    if (shown == 0)
        return;
    info_ids_sort(&info->ids, !options->all_ids);
    printf("%-*s %8s %12s  %-9s %12s %12s %12s\n", width, "bus", "id", "count", "bytes",
           "period ms min", "mean", "max");
    for (size_t i = 0; i < shown; i++)
        print_id(info, &info->ids.table[i], width);
    if (shown < info->ids.count)
        printf("… and %zu more: --ids shows all\n", info->ids.count - shown);
}

void info_print(struct info *info, const struct info_options *options)
{
    printf("%s: %s", info->path, info->format);
    if (info->bytes)
        printf(", %llu bytes", (ull)info->bytes);
    putchar('\n');
    print_times(info);
    if (info->undated)
        puts("undated   it does not tell when it began: its times count from 1970");
    print_gaps(info);
    print_damage(info);
    print_foreign(info);
    print_loads(info);
    print_buses(info);
    print_ids(info, options);
}
