/* What a program may ask of a proxy, said with the ranges when it asks for something else. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "proxy/engine.h"

static int check_name(const char *what, const char *name, struct canring_error *err)
{
    /* The state is told in JSON, which has no other text. */
    json_t *text = name ? json_string(name) : NULL;
    bool utf8 = text != NULL;
    json_decref(text);
    if (!utf8 || !*name || strlen(name) >= CR_SEGMENT_NAME || strchr(name, '/') || name[0] == '.')
        return canring_error_set(err, -EINVAL,
                                 "%s name '%.80s': allowed are 1 to %d characters of UTF-8, no "
                                 "'/', not beginning with '.'",
                                 what, name ? name : "", CR_SEGMENT_NAME - 1);
    return 0;
}

static int check_attributes(const char *attributes, struct canring_error *err)
{
    if (!attributes)
        return 0;
    if (strlen(attributes) >= CANRING_ATTRIBUTES_MAX)
        return canring_error_set(err, -E2BIG, "attributes of %zu bytes: allowed are %d",
                                 strlen(attributes), CANRING_ATTRIBUTES_MAX - 1);
    json_t *object = json_loads(attributes, 0, NULL);
    bool legal = json_is_object(object);
    json_decref(object);
    return legal ? 0
                 : canring_error_set(err, -EINVAL, "attributes '%.80s': allowed is a JSON object",
                                     attributes);
}

static int check_range(const char *what, uint64_t value, uint64_t most, struct canring_error *err)
{
    if (value <= most)
        return 0;
    return canring_error_set(err, -EINVAL, "%s is %llu: allowed are 0 to %llu", what,
                             (unsigned long long)value, (unsigned long long)most);
}

static int check_channel(const struct canring_channel_config *channel, struct canring_error *err)
{
    int result = check_name("channel", channel->name, err);

    if (result < 0)
        return result;
    result = check_range("ring_slots", channel->ring_slots, CANRING_RING_SLOTS_MAX, err);
    if (result == 0)
        result = check_range("overflow", channel->overflow, CANRING_OVERFLOW_DROP, err);
    if (result == 0)
        result = check_range("spill_limit", channel->spill_limit, CANRING_SPILL_LIMIT_MAX, err);
    if (result < 0)
        canring_error_prefix(err, "channel %s", channel->name);
    return result;
}

static int check_channels(const struct canring_proxy_options *options, struct canring_error *err)
{
    int result = 0;

    for (size_t i = 0; i < options->channel_count && result == 0; i++) {
        result = check_channel(&options->channels[i], err);
        for (size_t j = 0; j < i && result == 0; j++)
            if (strcmp(options->channels[i].name, options->channels[j].name) == 0)
                result = canring_error_set(err, -EINVAL, "channel %s is listed twice",
                                           options->channels[i].name);
    }
    return result;
}

int cr_proxy_check(const struct canring_proxy_options *options, struct canring_error *err)
{
    int result = check_name("proxy", options->name, err);

    if (result == 0)
        result = check_attributes(options->attributes, err);
    if (result == 0)
        result = check_range("wait", options->wait, CANRING_WAIT_PARK, err);
    if (result == 0)
        result = check_range("start", options->start, CANRING_START_ON_ATTACH, err);
    if (result == 0)
        result = check_range("busy_poll", options->busy_poll, CANRING_BUSY_POLL_MAX, err);
    if (result == 0)
        result = check_range("coalesce", options->coalesce, CANRING_COALESCE_MAX, err);
    return result == 0 ? check_channels(options, err) : result;
}
