#include "recode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"

struct recode_bus {
    bool known;
    bool wanted;
    uint32_t index; /* the writer's */
    const struct recode_rule *rule;
};

int recode_open(struct recode *recode, const struct recode_options *options, char *const *paths,
                unsigned count, const char *format)
{
    struct canring_error err = {0};

    *recode = (struct recode){.options = options};
    recode->inputs = calloc(count, sizeof(*recode->inputs));
    if (!recode->inputs) {
        say(options->command, "out of memory");
        return EXIT_FAILURE;
    }
    for (unsigned i = 0; i < count; i++) {
        recode->inputs[i].path = paths[i];
        int result = canring_trace_reader_open(&recode->inputs[i].reader, paths[i], format, &err);
        if (result < 0) {
            say(options->command, "%s", err.text);
            return exit_status(result);
        }
        recode->count++;
    }
    return 0;
}

/* ---- reading ---------------------------------------------------------------- */

/* The next entry of an input. Damage is told and passed over, and so is an end before its time. */
static int fetch(struct recode *recode, struct recode_input *input)
{
    struct canring_error err;
    int result;

    while ((result = canring_trace_reader_next(input->reader, &input->entry, &err)) < 0) {
        if (recode->options->quiet)
            damage_add(&recode->damage, &err);
        else
            damage_say(&recode->damage, recode->options->command, &err);
        if (result == -ENOMEM)
            return EXIT_FAILURE;
        if (result != -EINVAL)
            break;
    }
    input->waiting = result > 0;
    if (!input->waiting)
        recode->unfinished |= canring_trace_reader_unfinished(input->reader);
    recode->entries += input->waiting;
    return 0;
}

static struct recode_input *earliest(struct recode *recode)
{
    struct recode_input *found = NULL;

    for (unsigned i = 0; i < recode->count; i++) {
        struct recode_input *input = &recode->inputs[i];
        if (input->waiting && (!found || input->entry.timestamp_ns < found->entry.timestamp_ns))
            found = input;
    }
    return found;
}

/* ---- what is wanted --------------------------------------------------------- */

static const struct recode_rule *rule_of(struct recode *recode, const char *bus, bool *only)
{
    const struct recode_options *options = recode->options;
    const struct recode_rule *found = NULL;

    *only = false;
    for (unsigned i = 0; i < options->rule_count; i++) {
        const struct recode_rule *rule = &options->rules[i];
        *only |= rule->only;
        if (strlen(bus) == rule->bus_length && memcmp(bus, rule->bus, rule->bus_length) == 0) {
            found = rule;
            recode->met[i] = true;
        }
    }
    return found;
}

/* Numbers bring back can0, can1 and so on. */
static bool is_number(const char *name)
{
    if (strncmp(name, "can", 3) != 0 || !name[3] || (name[3] == '0' && name[4]))
        return false;
    return name[3 + strspn(name + 3, "0123456789")] == '\0';
}

static int meet_bus(struct recode *recode, struct recode_input *input, uint32_t index)
{
    const char *name = canring_trace_reader_bus(input->reader, index);
    struct recode_bus bus = {.known = true, .wanted = true};
    bool only;

    bus.rule = rule_of(recode, name, &only);
    bus.wanted = !only || (bus.rule && bus.rule->only);
    if (bus.wanted && recode->writer) {
        if (bus.rule && bus.rule->name)
            name = bus.rule->name;
        int place = canring_trace_writer_bus(recode->writer, name);
        if (place < 0) {
            say(recode->options->command, "too many buses for one recording");
            return EXIT_FAILURE;
        }
        bus.index = (uint32_t)place;
        recode->named += !is_number(name);
    }
    input->buses[index] = bus;
    return 0;
}

/* NULL: out of memory, said. */
static const struct recode_bus *bus_of(struct recode *recode, struct recode_input *input,
                                       uint32_t index)
{
    if (index >= input->bus_count) {
        struct recode_bus *more = realloc(input->buses, (index + 1) * sizeof(*more));
        if (!more) {
            say(recode->options->command, "out of memory");
            return NULL;
        }
        memset(more + input->bus_count, 0, (index + 1 - input->bus_count) * sizeof(*more));
        input->buses = more;
        input->bus_count = index + 1;
    }
    if (!input->buses[index].known && meet_bus(recode, input, index))
        return NULL;
    return &input->buses[index];
}

static bool is_wanted(const struct recode *recode, const struct recode_bus *bus,
                      const struct canring_trace_entry *entry)
{
    const struct recode_options *options = recode->options;

    if (!bus->wanted || entry->timestamp_ns < recode->begin_ns ||
        entry->timestamp_ns > recode->end_ns)
        return false;
    if (entry->kind != CANRING_TRACE_FRAME)
        return true;
    if (options->filtered && !canring_filters_match(&options->filters, entry->frame))
        return false;
    return !bus->rule || !bus->rule->filtered ||
           canring_filters_match(&bus->rule->filters, entry->frame);
}

/* ---- writing ---------------------------------------------------------------- */

static bool loses_digits(const struct recode *recode, uint64_t ns)
{
    uint64_t unit = 1;

    for (unsigned i = recode->options->digits; i < 9; i++)
        unit *= 10;
    return recode->options->digits && ns % unit != 0;
}

static int write_entry(struct recode *recode, const struct canring_trace_entry *entry, uint32_t bus)
{
    struct canring_trace_entry renamed = *entry;
    struct canring_error err = {0};

    renamed.bus = bus;
    int result = canring_trace_writer_write(recode->writer, &renamed, &err);
    if (result == -EOPNOTSUPP) {
        recode->refused++;
        recode->refused_frames += entry->kind == CANRING_TRACE_FRAME;
        return 0;
    }
    if (result < 0) {
        say(recode->options->command, "%s", err.text);
        return EXIT_FAILURE;
    }
    recode->written++;
    recode->sent += entry->frame && entry->frame->flags & CANRING_TX;
    recode->cut += loses_digits(recode, entry->timestamp_ns);
    return 0;
}

static int take(struct recode *recode, struct recode_input *input)
{
    const struct canring_trace_entry *entry = &input->entry;
    const struct recode_bus *bus = bus_of(recode, input, entry->bus);

    if (!bus)
        return EXIT_FAILURE;
    if (!recode->begun) {
        recode->begun = true;
        recode->begin_ns = time_resolve(&recode->options->start, entry->timestamp_ns, 0);
        recode->end_ns = time_resolve(&recode->options->end, entry->timestamp_ns, UINT64_MAX);
    }
    if (!is_wanted(recode, bus, entry)) {
        recode->left_out++;
        return 0;
    }
    if (!recode->writer) {
        recode->cut += loses_digits(recode, entry->timestamp_ns);
        return 0;
    }
    return write_entry(recode, entry, bus->index);
}

static void show_progress(struct recode *recode)
{
    uint64_t done = 0, size = 0;

    for (unsigned i = 0; i < recode->count; i++) {
        uint64_t part, whole;
        canring_trace_reader_progress(recode->inputs[i].reader, &part, &whole);
        done += part;
        size += whole;
    }
    progress_show(&recode->progress, done, size, recode->entries);
}

int recode_run(struct recode *recode)
{
    struct recode_input *input;
    int status = 0;

    progress_start(&recode->progress);
    for (unsigned i = 0; i < recode->count && status == 0; i++)
        status = fetch(recode, &recode->inputs[i]);
    while (status == 0 && (input = earliest(recode)) != NULL) {
        if (progress_due(&recode->progress))
            show_progress(recode);
        status = take(recode, input);
        if (status == 0)
            status = fetch(recode, input);
    }
    progress_end(&recode->progress);
    if (!recode->options->quiet)
        damage_say_rest(&recode->damage, recode->options->command);
    return status;
}

void recode_close(struct recode *recode)
{
    for (unsigned i = 0; i < recode->count; i++) {
        canring_trace_reader_close(recode->inputs[i].reader);
        free(recode->inputs[i].buses);
    }
    free(recode->inputs);
}
