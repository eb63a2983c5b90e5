#include "play_targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"

#define NOWHERE (-1)
#define UNKNOWN (-2)

static void report(void *arg, int level, const char *text)
{
    (void)arg;
    (void)level;
    say("play", "%s", text);
}

static int open_target(struct play_targets *targets, const char *name, const char *bus)
{
    struct play_target *target = &targets->list[targets->count];
    struct canring_bus_options options;
    struct canring_error err = {0};

    if (targets->count == PLAY_TARGETS_MAX)
        return misuse("play", "more than %d targets", PLAY_TARGETS_MAX);
    memset(target, 0, sizeof(*target));
    snprintf(target->name, sizeof(target->name), "%s", name);
    snprintf(target->bus, sizeof(target->bus), "%s", bus);
    target->prints = strcmp(name, "stdout") == 0;
    if (!target->prints) {
        int result = source_check_sendable("play", name);
        if (result)
            return result;
        source_send_only(&options);
        options.no_loopback = targets->options->no_loopback;
        options.report = report;
        result = source_open(&target->source, name, &options, &err);
        if (result < 0) {
            say("play", "%s: %s", name, err.text);
            return exit_status(result);
        }
    }
    if (targets->options->verbose > 1)
        printf("bus=%s target=%s\n", *bus ? bus : "(all others)", name);
    targets->count++;
    return 0;
}

/* TARGET, or TARGET=BUS. */
static int open_operand(struct play_targets *targets, const char *text)
{
    const char *equals = strrchr(text, '=');
    char name[sizeof(targets->list[0].name)];
    size_t length = equals ? (size_t)(equals - text) : strlen(text);

    if (length == 0 || length >= sizeof(name) || (equals && !equals[1]) ||
        (equals && strlen(equals + 1) >= CANRING_TEXT_NAME))
        return misuse("play", "'%s', allowed: TARGET, TARGET=BUS", text);
    memcpy(name, text, length);
    name[length] = '\0';
    const char *bus = equals ? equals + 1 : "";
    for (unsigned i = 0; i < targets->count; i++)
        if (strcmp(targets->list[i].bus, bus) == 0)
            return *bus ? misuse("play", "'%s': frames of %s go to %s already", text, bus,
                                 targets->list[i].name)
                        : misuse("play", "'%s': all frames go to %s already", text,
                                 targets->list[i].name);
    return open_target(targets, name, bus);
}

int play_targets_open(struct play_targets *targets, const struct play_options *options)
{
    memset(targets, 0, sizeof(*targets));
    targets->options = options;
    targets->named = options->bus_count > 0;
    for (int i = 0; i < options->bus_count; i++) {
        int result = open_operand(targets, options->buses[i]);
        if (result)
            return result;
    }
    return 0;
}

static int search(const struct play_targets *targets, const char *bus)
{
    int found = NOWHERE;

    for (unsigned i = 0; i < targets->count; i++) {
        if (strcmp(targets->list[i].bus, bus) == 0)
            return (int)i;
        if (!*targets->list[i].bus)
            found = (int)i;
    }
    return found;
}

static int extend_map(struct play_targets *targets, uint32_t index)
{
    int8_t *map = realloc(targets->map, index + 1);

    if (!map)
        return -ENOMEM;
    for (uint32_t i = targets->map_count; i <= index; i++)
        map[i] = UNKNOWN;
    targets->map = map;
    targets->map_count = index + 1;
    return 0;
}

static int look_up(struct play_targets *targets, const struct canring_trace_reader *reader,
                   uint32_t index)
{
    const char *bus = canring_trace_reader_bus(reader, index);
    int status = 0;

    if (extend_map(targets, index) || !bus) {
        say("play", "out of memory");
        return EXIT_FAILURE;
    }
    int found = search(targets, bus);
    if (found == NOWHERE && !targets->named) {
        found = (int)targets->count;
        status = open_target(targets, bus, bus);
        if (status)
            say("play", "to send the frames of %s elsewhere: TARGET=%s", bus, bus);
    }
    targets->map[index] = (int8_t)found;
    return status;
}

struct play_target *play_targets_find(struct play_targets *targets,
                                      const struct canring_trace_reader *reader, uint32_t index,
                                      int *status)
{
    *status = 0;
    if (index >= targets->map_count || targets->map[index] == UNKNOWN)
        *status = look_up(targets, reader, index);
    if (*status || targets->map[index] == NOWHERE)
        return NULL;
    return &targets->list[targets->map[index]];
}

bool play_targets_print(struct play_targets *targets, const struct canring_trace_reader *reader,
                        uint32_t index)
{
    int status;

    if (!targets->named) /* stdout has to be */
        return false;
    const struct play_target *target = play_targets_find(targets, reader, index, &status);
    return target && target->prints;
}

int play_targets_finish(struct play_targets *targets)
{
    int status = 0;

    for (unsigned i = 0; i < targets->count; i++) {
        struct play_target *target = &targets->list[i];
        if (!target->prints && source_finish(&target->source, "play", target->name))
            status = EXIT_FAILURE;
    }
    return status;
}

void play_targets_close(struct play_targets *targets)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (!targets->list[i].prints)
            targets->list[i].source.kind->close(&targets->list[i].source);
    free(targets->map);
}
