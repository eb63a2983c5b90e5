/* The keys `trace_…` that proxies and buses have in common: what their recordings are like.
 *
 * Used by config_auxiliary and config_connector_keys, whose tables take CR_TRACE_KEYS, and by those
 * who settle what was read. Nothing here opens a file.
 */
#ifndef CR_CONFIG_TRACE_H
#define CR_CONFIG_TRACE_H

#include "proxy/config_schema.h"

extern const char *const cr_trace_compressions[]; /* NULL-terminated; the first is the default */

#define CR_TRACE_RESERVE_MIN (1 << 20)
#define CR_TRACE_ROTATE_MIN  65536 /* bytes: below, files are hardly more than their heads */

#define CR_TRACE_AMOUNT(key, what, from, to, field)                                                \
    {                                                                                              \
        .name = key, .kind = what, .least = (from), .most = (to), AT(field)                        \
    }

/* With AT as the table has it; `trace` is where its struct canring_config_trace is. */
#define CR_TRACE_KEYS(trace)                                                                       \
    {.name = "trace_format", .kind = CR_KEY_STRING, .least = 1, AT(trace.format)},                 \
        {.name = "trace_compression",                                                              \
         .kind = CR_KEY_CHOICE,                                                                    \
         .choices = cr_trace_compressions,                                                         \
         AT(trace.compression)},                                                                   \
        {.name = "trace_digits", .kind = CR_KEY_U32, .least = 1, .most = 9, AT(trace.digits)},     \
        CR_TRACE_AMOUNT("trace_rotate_size", CR_KEY_BYTES, CR_TRACE_ROTATE_MIN, INT64_MAX,         \
                        trace.rotate_bytes),                                                       \
        CR_TRACE_AMOUNT("trace_rotate_time", CR_KEY_DURATION, 1000000, INT64_MAX,                  \
                        trace.rotate_ns),                                                          \
        CR_TRACE_AMOUNT("trace_rotate_frames", CR_KEY_I64, 1, INT64_MAX, trace.rotate_frames),     \
        {.name = "trace_keep", .kind = CR_KEY_U32, .least = 1, .most = 1000000, AT(trace.keep)},   \
        CR_TRACE_AMOUNT("trace_flush", CR_KEY_DURATION, 1000000, INT64_C(60000000000),             \
                        trace.flush_ns),                                                           \
        CR_TRACE_AMOUNT("trace_sync", CR_KEY_DURATION, 1000000, INT64_C(3600000000000),            \
                        trace.sync_ns),                                                            \
        CR_TRACE_AMOUNT("trace_reserve", CR_KEY_BYTES, CR_TRACE_RESERVE_MIN, INT64_C(64) << 30,    \
                        trace.reserve),                                                            \
        CR_TRACE_AMOUNT("trace_pretrigger", CR_KEY_DURATION, 1000000, INT64_C(3600000000000),      \
                        trace.pretrigger_ns),                                                      \
    {                                                                                              \
        .name = "trace_trigger", .kind = CR_KEY_FILTER_TEXT, AT(trace.trigger)                     \
    }

/* Check what was read from `config` as a whole. */
void cr_build_settle_trace(struct cr_build *build, const struct canring_config_trace *trace,
                           const struct cr_yaml_node *config);

#endif
