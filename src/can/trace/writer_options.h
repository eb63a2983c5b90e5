/* A writer's options, checked: what the user asked for, with every default filled in.
 *
 * For canring_trace_writer_open. Makes no system call; says in words what is not allowed.
 */
#ifndef CANRING_TRACE_WRITER_OPTIONS_H
#define CANRING_TRACE_WRITER_OPTIONS_H

#include <canring/trace_writer.h>

#include "can/trace/compress.h"
#include "can/trace/format.h"

struct cr_writer_plan {
    struct canring_trace_writer_options options; /* no zero where zero means a default */
    const struct cr_trace_format *format;
    enum cr_compression compression;
    size_t block; /* bytes */
};

/* `options` NULL: all defaults. -EINVAL. */
int cr_writer_plan_make(struct cr_writer_plan *plan, const char *path,
                        const struct canring_trace_writer_options *options,
                        struct canring_error *err);

#endif
