#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "info_print.h"
#include "text_clean.h"

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *string(const char *raw)
{
    char *clean = text_clean(raw);
    json_t *text = clean ? json_string(clean) : NULL;

    free(clean);
    return text;
}

static json_t *load_object(const struct info_bus *bus)
{
    struct info_load load = info_bus_load(bus);

    if (bus->rate.nominal == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:f, s:f, s:f, s:f}", "bitrate", (json_int_t)bus->rate.nominal,
                     "data_bitrate", (json_int_t)bus->rate.data, "mean_nominal_percent",
                     load.mean_nominal, "mean_data_percent", load.mean_data, "peak_nominal_percent",
                     load.peak_nominal, "peak_data_percent", load.peak_data);
}

static json_t *bus_object(const struct info_bus *bus)
{
    json_t *object = json_object();

    json_object_set_new(object, "name", json_string(bus->name));
    json_object_set_new(object, "frames", number(info_bus_frames(bus)));
    json_object_set_new(object, "classic", number(bus->classic));
    json_object_set_new(object, "fd", number(bus->fd));
    json_object_set_new(object, "fd_brs", number(bus->brs));
    json_object_set_new(object, "xl", number(bus->xl));
    json_object_set_new(object, "remote", number(bus->remote));
    json_object_set_new(object, "error", number(bus->error));
    json_object_set_new(object, "sent", number(bus->sent));
    json_object_set_new(object, "lost_entries", number(bus->lost_entries));
    json_object_set_new(object, "lost_frames", number(bus->lost_frames));
    json_object_set_new(object, "first_ns", number(bus->first_ns));
    json_object_set_new(object, "last_ns", number(bus->last_ns));
    json_object_set_new(object, "bits_nominal", number(bus->bits_nominal));
    json_object_set_new(object, "bits_data", number(bus->bits_data));
    json_object_set_new(object, "load", load_object(bus));
    return object;
}

static json_t *id_object(const struct info *info, const struct info_id *id)
{
    bool periodic = id->count > 1 && id->period_min != UINT64_MAX;
    json_t *object = json_object();

    json_object_set_new(object, "bus", json_string(info->buses[id->bus].name));
    json_object_set_new(object, "id", number(id->id & CANRING_ID_MASK_EXT));
    json_object_set_new(object, "extended", json_boolean(id->id & CANRING_ID_EXTENDED));
    json_object_set_new(object, "xl", json_boolean(id->xl));
    json_object_set_new(object, "count", number(id->count));
    json_object_set_new(object, "length_min", number(id->length_min));
    json_object_set_new(object, "length_max", number(id->length_max));
    json_object_set_new(object, "first_ns", number(id->first_ns));
    json_object_set_new(object, "last_ns", number(id->last_ns));
    json_object_set_new(object, "period_min_ns", periodic ? number(id->period_min) : json_null());
    json_object_set_new(object, "period_mean_ns",
                        periodic ? number(info_id_mean_period(id)) : json_null());
    json_object_set_new(object, "period_max_ns", periodic ? number(id->period_max) : json_null());
    return object;
}

static json_t *ids_array(struct info *info, const struct info_options *options)
{
    json_t *array = json_array();
    size_t shown =
        options->all_ids || options->ids > info->ids.count ? info->ids.count : (size_t)options->ids;

    info_ids_sort(&info->ids, !options->all_ids);
    for (size_t i = 0; i < shown; i++)
        json_array_append_new(array, id_object(info, &info->ids.table[i]));
    return array;
}

static json_t *silences_array(const struct info *info)
{
    json_t *array = json_array();

    for (int i = 0; i < INFO_SILENCES && info->silences[i].length_ns; i++)
        json_array_append_new(array, json_pack("{s:I, s:I}", "begin_ns",
                                               (json_int_t)info->silences[i].begin_ns, "length_ns",
                                               (json_int_t)info->silences[i].length_ns));
    return array;
}

static json_t *damage_object(const struct info *info)
{
    json_t *places = json_array();

    for (unsigned i = 0; i < info->damage.kept; i++)
        json_array_append_new(places, string(info->damage.texts[i]));
    return json_pack("{s:I, s:o}", "count", (json_int_t)info->damage.count, "places", places);
}

static void add_times(json_t *object, const struct info *info)
{
    json_object_set_new(object, "frames", number(info->frames));
    json_object_set_new(object, "first_ns", info->frames ? number(info->first_ns) : json_null());
    json_object_set_new(object, "last_ns", info->frames ? number(info->last_ns) : json_null());
    json_object_set_new(object, "rate",
                        json_pack("{s:f, s:I, s:I}", "mean", info_mean_rate(info), "peak_1s",
                                  (json_int_t)info->second.peak_first, "peak_10ms",
                                  (json_int_t)info->ten_ms.peak_first));
    json_object_set_new(object, "silences", silences_array(info));
    json_object_set_new(object, "steps_back",
                        json_pack("{s:I, s:I, s:I}", "count", (json_int_t)info->back_count,
                                  "largest_ns", (json_int_t)info->back_largest_ns, "first_ns",
                                  (json_int_t)info->back_first_ns));
    json_object_set_new(object, "lost",
                        json_pack("{s:I, s:I, s:I, s:I}", "entries", (json_int_t)info->lost_entries,
                                  "frames", (json_int_t)info->lost_frames, "entries_without_number",
                                  (json_int_t)info->lost_unknown, "first_ns",
                                  (json_int_t)info->lost_first_ns));
}

int info_print_json(struct info *info, const struct info_options *options)
{
    json_t *object = json_object(), *buses = json_array();

    for (uint32_t i = 0; i < info->bus_count; i++)
        json_array_append_new(buses, bus_object(&info->buses[i]));
    json_object_set_new(object, "file", string(info->path));
    json_object_set_new(object, "format", json_string(info->format));
    json_object_set_new(object, "bytes", number(info->bytes));
    json_object_set_new(object, "unfinished", json_boolean(info->unfinished));
    json_object_set_new(object, "undated", json_boolean(info->undated));
    json_object_set_new(object, "damage", damage_object(info));
    json_object_set_new(object, "foreign", number(info->foreign));
    add_times(object, info);
    json_object_set_new(object, "buses", buses);
    json_object_set_new(object, "id_count", number(info->ids.count));
    json_object_set_new(object, "frames_beyond_ids", number(info->ids.beyond));
    json_object_set_new(object, "ids", ids_array(info, options));
    int result = object ? json_dumpf(object, stdout, JSON_INDENT(2)) : -1;
    putchar('\n');
    json_decref(object);
    return result ? -ENOMEM : 0;
}
