#include "source.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"
#include "source_channel.h"

static int bus_fd(const struct source *source)
{
    return canring_bus_fd(source->bus);
}

static int bus_receive(struct source *source, const struct canring_frame **frame, int timeout_ms)
{
    return canring_bus_receive(source->bus, frame, timeout_ms);
}

static int bus_send(struct source *source, const struct canring_frame *frame, int timeout_ms)
{
    return canring_bus_send(source->bus, frame, timeout_ms);
}

static void bus_stats(const struct source *source, struct canring_bus_stats *stats)
{
    canring_bus_stats(source->bus, stats);
}

static uint64_t bus_link_down(const struct source *source)
{
    return canring_bus_link_down(source->bus);
}

static const char *bus_name(const struct source *source)
{
    return canring_bus_name(source->bus);
}

/* Its send is the last word. */
static bool bus_settle(struct source *source, uint64_t *lost)
{
    (void)source;
    *lost = 0;
    return true;
}

static void bus_close(struct source *source)
{
    canring_bus_close(source->bus);
}

static const struct source_kind bus_kind = {
    bus_fd, bus_receive, bus_send, bus_stats, bus_link_down, bus_name, bus_settle, bus_close,
};

/* A bare name is a netdev's if there is one of that name, else a proxy's or a channel's if one
 * runs. */
bool source_names_channel(const char *target)
{
    if (strchr(target, ':'))
        return false;
    return strchr(target, '/') || (strcmp(target, "any") != 0 && if_nametoindex(target) == 0);
}

int source_split(const char *command, char *target, const char **filters)
{
    char *comma = strchr(target, ',');

    *filters = comma ? comma + 1 : NULL;
    if (!comma)
        return 0;
    if (!**filters) {
        say(command, "'%s': found nothing behind ',', allowed: filters", target);
        return EXIT_MISUSE;
    }
    *comma = '\0';
    return 0;
}

int source_open(struct source *source, const char *target, const struct canring_bus_options *wanted,
                struct canring_error *err)
{
    if (source_names_channel(target)) {
        int attached = source_channel_open(source, target, wanted, err);
        if (attached != -ENOENT || strchr(target, '/'))
            return attached;
    }
    struct canring_bus_options options = *wanted;
    char *storage = NULL;
    int result = canring_bus_target_parse(target, &options, &storage, err);

    if (result == 0) {
        source->kind = &bus_kind;
        result = canring_bus_open(&source->bus, &options, err);
    }
    free(storage);
    return result;
}

int source_finish(struct source *source, const char *command, const char *target)
{
    uint64_t lost;

    if (!source->kind->settle(source, &lost)) {
        say(command,
            "%s: what became of the last frames is not known: the proxy does not answer, "
            "has gone, or waits for its bus",
            target);
        return EXIT_FAILURE;
    }
    if (lost)
        say(command,
            "%s: the bus behind it has not taken %llu of the frames: suspended, down, or not of "
            "their kind",
            target, (unsigned long long)lost);
    return lost ? EXIT_FAILURE : 0;
}

int source_check_sendable(const char *command, const char *target)
{
    if (strcmp(target, "any") == 0 || strcmp(target, "socketcan:any") == 0)
        say(command, "'%s' is all interfaces, to read only; allowed: one of them", target);
    else if (strncmp(target, "replay:", strlen("replay:")) == 0)
        say(command, "'%s' is a recording, to read only; allowed: a bus", target);
    else
        return 0;
    return EXIT_MISUSE;
}

void source_send_only(struct canring_bus_options *options)
{
    /* Inverted and without a mask: matches no frame at all. */
    static struct canring_filter nothing = {.inverted = true};

    memset(options, 0, sizeof(*options));
    options->fd = true;
    options->xl = true;
    options->filters.list = &nothing;
    options->filters.count = 1;
}
