#include "source.h"

#include <errno.h>
#include <stdio.h>

#include "say.h"

#define TARGET_MAX 4096

static const char *const interfaces[] = {"socketcan", "pcan", "virtual", "replay", "udp_multicast"};

#define INTERFACES (sizeof(interfaces) / sizeof(*interfaces))

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

static const char *bus_name(const struct source *source)
{
    return canring_bus_name(source->bus);
}

static void bus_close(struct source *source)
{
    canring_bus_close(source->bus);
}

static const struct source_kind bus_kind = {
    bus_fd, bus_receive, bus_send, bus_stats, bus_name, bus_close,
};

static const char *known_interface(const char *name)
{
    for (size_t i = 0; i < INTERFACES; i++)
        if (strcmp(interfaces[i], name) == 0)
            return interfaces[i];
    return NULL;
}

static int unknown_interface(const char *name, struct canring_error *err)
{
    const char *near = nearest(name, interfaces, INTERFACES);

    return canring_error_set(err, -EINVAL,
                             "no interface '%.64s', allowed: socketcan, pcan, virtual, replay, "
                             "udp_multicast%s%s%s",
                             name, near ? "; did you mean '" : "", near ? near : "",
                             near ? "'?" : "");
}

/* Cut `text`, a copy of the target, into the parts that the options point to. */
static int split_target(char *text, struct canring_bus_options *options, struct canring_error *err)
{
    char *colon = strchr(text, ':');

    options->interface = "socketcan";
    options->channel = text;
    if (!colon)
        return 0;
    *colon = '\0';
    options->channel = colon + 1;
    options->interface = known_interface(text);
    if (!options->interface)
        return unknown_interface(text, err);
    char *percent = strchr(colon + 1, '%');
    if (percent && strcmp(options->interface, "udp_multicast") == 0) {
        *percent = '\0';
        options->local_interface = percent + 1;
    }
    return 0;
}

int source_open(struct source *source, const char *target, const struct canring_bus_options *wanted,
                struct canring_error *err)
{
    struct canring_bus_options options = *wanted;
    char text[TARGET_MAX];

    if (strlen(target) >= sizeof(text))
        return canring_error_set(err, -EINVAL, "a target of more than %zu characters",
                                 sizeof(text) - 1);
    snprintf(text, sizeof(text), "%s", target);
    int result = split_target(text, &options, err);
    if (result)
        return result;
    source->kind = &bus_kind;
    return canring_bus_open(&source->bus, &options, err);
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
