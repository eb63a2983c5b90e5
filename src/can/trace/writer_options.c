#include "can/trace/writer_options.h"

#include <errno.h>

#define FLUSH_NS       200000000u
#define MEMORY         (16u << 20)
#define MEMORY_MIN     (1u << 20)
#define MEMORY_MAX     ((size_t)1 << 32)
#define PRETRIGGER     (64u << 20)
#define PRETRIGGER_MIN 65536u
#define KEEP_MAX       1000000u
/* Large ones for what is stored as it is; what is packed is one container (of Vector's usual size)
 * or one compressed member for each block. */
#define BLOCK_AS_IT_IS 262144u
#define BLOCK_PACKED   131072u

static int choose_format(struct cr_writer_plan *plan, const char *path, struct canring_error *err)
{
    const char *name = plan->options.format;

    plan->format = name ? cr_trace_format_named(name, err) : cr_trace_format_by_ending(path);
    if (!plan->format) {
        if (!name)
            canring_error_set(err, -EINVAL, "%s: its ending tells no format: name one", path);
        return -EINVAL;
    }
    if (!plan->format->encoder)
        return canring_error_set(err, -EINVAL, "format '%s' can be read, but not written",
                                 plan->format->name);
    return 0;
}

static int choose_compression(struct cr_writer_plan *plan, const char *path,
                              struct canring_error *err)
{
    const char *name = plan->options.compression;
    int kind = name ? cr_compression_named(name, err) : (int)cr_compression_by_ending(path);

    if (kind < 0)
        return kind;
    if (kind != CR_COMPRESSION_NONE && !plan->format->text)
        return canring_error_set(err, -EINVAL,
                                 "format '%s' is not compressed as a whole: "
                                 "only formats of lines are",
                                 plan->format->name);
    plan->compression = (enum cr_compression)kind;
    return 0;
}

static int check_range(const char *name, uint64_t value, uint64_t least, uint64_t most,
                       struct canring_error *err)
{
    if (value >= least && value <= most)
        return 0;
    return canring_error_set(err, -EINVAL, "%s is %llu: allowed are %llu to %llu", name,
                             (unsigned long long)value, (unsigned long long)least,
                             (unsigned long long)most);
}

static int check(const struct canring_trace_writer_options *options, struct canring_error *err)
{
    if (check_range("memory", options->memory, MEMORY_MIN, MEMORY_MAX, err) ||
        check_range("pretrigger_bytes", options->pretrigger_bytes, PRETRIGGER_MIN, SIZE_MAX / 2,
                    err) ||
        check_range("time_digits", options->time_digits, 0, 9, err) ||
        check_range("keep", options->keep, 0, KEEP_MAX, err))
        return -EINVAL;
    if (options->naming != CANRING_TRACE_NUMBERED && options->naming != CANRING_TRACE_DATED)
        return canring_error_set(err, -EINVAL, "naming is %d: allowed are 0 (numbered), 1 (dated)",
                                 (int)options->naming);
    return 0;
}

static void fill_in(struct canring_trace_writer_options *options)
{
    if (!options->flush_ns)
        options->flush_ns = FLUSH_NS;
    if (!options->memory)
        options->memory = MEMORY;
    if (!options->pretrigger_bytes)
        options->pretrigger_bytes = PRETRIGGER;
}

int cr_writer_plan_make(struct cr_writer_plan *plan, const char *path,
                        const struct canring_trace_writer_options *options,
                        struct canring_error *err)
{
    *plan = (struct cr_writer_plan){0};
    if (options)
        plan->options = *options;
    fill_in(&plan->options);
    if (check(&plan->options, err) || choose_format(plan, path, err) ||
        choose_compression(plan, path, err))
        return -EINVAL;
    plan->block = plan->format->encoder->pack || plan->compression != CR_COMPRESSION_NONE
                      ? BLOCK_PACKED
                      : BLOCK_AS_IT_IS;
    return 0;
}
