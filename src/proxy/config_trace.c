#include "proxy/config_trace.h"

#include <string.h>

#include "can/trace/format.h"

#define FORMATS_MAX 16

const char *const cr_trace_compressions[] = {"auto", "none", "gz", "zst", NULL};

/* The format that `name` stands for, if it can be written; else that is said. */
static const struct cr_trace_format *find_format(struct cr_build *build,
                                                 const struct cr_yaml_node *at, const char *name)
{
    const char *names[FORMATS_MAX];
    size_t count = 0;

    for (size_t i = 0; cr_trace_formats[i] && count < FORMATS_MAX; i++) {
        if (!cr_trace_formats[i]->encoder)
            continue;
        names[count++] = cr_trace_formats[i]->name;
        if (strcmp(cr_trace_formats[i]->name, name) == 0)
            return cr_trace_formats[i];
    }
    cr_error_choice(build, at, "trace_format", name, names, count);
    return NULL;
}

static bool packs(const struct canring_config_trace *trace)
{
    const char *word = cr_trace_compressions[trace->compression];
    return strcmp(word, "auto") != 0 && strcmp(word, "none") != 0;
}

static bool rotates(const struct canring_config_trace *trace)
{
    return trace->rotate_bytes || trace->rotate_ns || trace->rotate_frames || trace->size_mb;
}

void cr_build_settle_trace(struct cr_build *build, const struct canring_config_trace *trace,
                           const struct cr_yaml_node *config)
{
    const struct cr_yaml_node *format = cr_yaml_get(config, "trace_format");
    const struct cr_yaml_node *compression = cr_yaml_get(config, "trace_compression");
    const struct cr_yaml_node *pretrigger = cr_yaml_get(config, "trace_pretrigger");
    const struct cr_yaml_node *keep = cr_yaml_get(config, "trace_keep");
    const struct cr_yaml_node *size = cr_yaml_get(config, "trace_size");

    if (trace->format && format) {
        const struct cr_trace_format *found = find_format(build, format, trace->format);
        if (found && !found->text && packs(trace))
            cr_error(build, compression,
                     "trace_compression: found '%s' for the format '%s', allowed: auto, none; it "
                     "is compressed by itself, or not at all",
                     compression->text, found->name);
    }
    if (trace->pretrigger_ns && !trace->trigger.count && !trace->trigger.error_mask)
        cr_error(build, pretrigger,
                 "trace_pretrigger: found without 'trace_trigger', which says what it waits for");
    if (trace->keep && !rotates(trace))
        cr_warning(build, keep,
                   "trace_keep has no effect without trace_rotate_size, _time or _frames");
    if (size && trace->rotate_bytes)
        cr_error(build, size, "trace_size: found beside 'trace_rotate_size', allowed: one of them");
}
