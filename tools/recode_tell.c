#include <stdio.h>

#include "recode.h"
#include "say.h"

#define NAMES_MAX 256

/* Names of buses that there are, cut with dots. */
static void list_buses(const struct recode *recode, char *text, size_t size)
{
    const char *name;
    size_t used = 0;

    for (unsigned i = 0; i < recode->count; i++)
        for (uint32_t bus = 0; (name = canring_trace_reader_bus(recode->inputs[i].reader, bus));
             bus++) {
            int length = snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
            if (length < 0 || (size_t)length >= size - used) {
                snprintf(text + used, size - used, ", …");
                return;
            }
            used += (size_t)length;
        }
}

static void tell_missing_buses(const struct recode *recode)
{
    const struct recode_options *options = recode->options;
    char names[NAMES_MAX + 8] = "";

    for (unsigned i = 0; i < options->rule_count; i++) {
        const struct recode_rule *rule = &options->rules[i];
        if (recode->met[i])
            continue;
        list_buses(recode, names, NAMES_MAX);
        say(options->command, "no bus '%.*s' in the recording: there are %s", (int)rule->bus_length,
            rule->bus, *names ? names : "none");
    }
}

static void tell_what_is_not_kept(const struct recode *recode, const char *format)
{
    const char *command = recode->options->command;

    if (recode->options->no_direction && recode->sent)
        say(command, "%llu frames were sent, not received: '%s' does not keep that",
            (unsigned long long)recode->sent, format);
    if (recode->options->no_names && recode->named)
        say(command, "the names of %u buses are not kept: '%s' has none", recode->named, format);
    if (recode->refused)
        say(command, "%llu entries were left out: '%s' has no place for them",
            (unsigned long long)recode->refused, format);
    if (recode->cut)
        say(command, "the times of %llu entries were cut to %u digits: --digits 9 keeps them",
            (unsigned long long)recode->cut, recode->options->digits);
}

static void tell_foreign(const struct recode *recode)
{
    for (unsigned i = 0; i < recode->count; i++)
        say_foreign(recode->options->command, recode->inputs[i].path,
                    canring_trace_reader_foreign(recode->inputs[i].reader));
}

static void tell_undated(const struct recode *recode)
{
    for (unsigned i = 0; i < recode->count; i++)
        if (canring_trace_reader_undated(recode->inputs[i].reader))
            say(recode->options->command,
                "%s: it does not tell when it began: its times count from 1970",
                recode->inputs[i].path);
}

void recode_tell(const struct recode *recode, const char *format)
{
    const char *command = recode->options->command;

    tell_undated(recode);
    tell_foreign(recode);
    tell_missing_buses(recode);
    tell_what_is_not_kept(recode, format);
    if (recode->entries && recode->left_out == recode->entries)
        say(command, "none of %llu entries is within what was asked for: nothing is written",
            (unsigned long long)recode->entries);
    if (recode->unfinished)
        say(command, "the recording was unfinished: whoever wrote it was killed, or it was cut");
}
