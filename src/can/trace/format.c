#include "can/trace/format.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "shm/nearest.h"

const struct cr_trace_format *const cr_trace_formats[] = {
    &cr_trace_format_candump, &cr_trace_format_blf,   &cr_trace_format_pcapng, &cr_trace_format_asc,
    &cr_trace_format_trc,     &cr_trace_format_trc11, &cr_trace_format_pcap,   NULL,
};

/* NOLINTNEXTLINE(bugprone-sizeof-expression): they are pointers */
enum { FORMATS = sizeof(cr_trace_formats) / sizeof(*cr_trace_formats) - 1 };

/* Below this the first bytes say too little. */
#define LIKELY 50

static const char *const packed[] = {".gz", ".zst"};

const struct cr_trace_format *cr_trace_format_named(const char *name, struct canring_error *err)
{
    const char *names[FORMATS];
    char all[160];
    size_t used = 0;

    for (size_t i = 0; i < FORMATS; i++) {
        names[i] = cr_trace_formats[i]->name;
        if (strcmp(name, names[i]) == 0)
            return cr_trace_formats[i];
        int length = snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", names[i]);
        used = length > 0 && used + (size_t)length < sizeof(all) ? used + (size_t)length : used;
    }
    const char *near = cr_nearest(name, names, FORMATS);
    canring_error_set(err, -EINVAL, "no trace format '%s'%s%s%s: allowed are %s", name,
                      near ? ", did you mean '" : "", near ? near : "", near ? "'" : "", all);
    return NULL;
}

static bool ends_with(const char *text, size_t length, const char *ending)
{
    size_t own = strlen(ending);
    return own < length && strncasecmp(text + length - own, ending, own) == 0;
}

static size_t without_packing(const char *path)
{
    size_t length = strlen(path);

    for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++)
        if (ends_with(path, length, packed[i]))
            return length - strlen(packed[i]);
    return length;
}

const struct cr_trace_format *cr_trace_format_by_ending(const char *path)
{
    size_t length = without_packing(path);

    for (size_t i = 0; i < FORMATS; i++)
        for (const char *const *ending = cr_trace_formats[i]->endings; *ending; ending++)
            if (ends_with(path, length, *ending))
                return cr_trace_formats[i];
    return NULL;
}

const struct cr_trace_format *cr_trace_format_by_content(const uint8_t *head, size_t length)
{
    const struct cr_trace_format *best = NULL;
    int sure = LIKELY - 1;

    for (size_t i = 0; i < FORMATS; i++) {
        int how = cr_trace_formats[i]->decoder ? cr_trace_formats[i]->probe(head, length) : 0;
        if (how > sure) {
            best = cr_trace_formats[i];
            sure = how;
        }
    }
    return best;
}
