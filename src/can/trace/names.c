#include "can/trace/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_name(const struct cr_trace_name *entry, const char *name, size_t length)
{
    return strncmp(entry->name, name, length) == 0 && entry->name[length] == '\0';
}

static bool channel_is_free(const struct cr_trace_names *names, uint32_t channel)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (names->list[i].channel == channel)
            return false;
    return true;
}

/* 1 + the number that the name ends with; 0 when it has none that fits. */
static uint32_t channel_of(const char *name, size_t length)
{
    size_t begin = length;
    uint32_t number = 0;

    while (begin > 0 && name[begin - 1] >= '0' && name[begin - 1] <= '9')
        begin--;
    if (begin == length || length - begin > 5)
        return 0;
    for (size_t i = begin; i < length; i++)
        number = number * 10 + (uint32_t)(name[i] - '0');
    return number < CR_TRACE_CHANNEL_MAX ? number + 1 : 0;
}

static uint16_t choose_channel(const struct cr_trace_names *names, const char *name, size_t length)
{
    uint32_t channel = channel_of(name, length);

    if (channel && channel_is_free(names, channel))
        return (uint16_t)channel;
    for (channel = 1; !channel_is_free(names, channel);)
        channel++;
    return (uint16_t)channel;
}

static int add(struct cr_trace_names *names, const char *name, size_t length, uint32_t channel)
{
    if (length == 0 || length >= CANRING_TEXT_NAME || names->count == CR_TRACE_BUSES_MAX)
        return -ENOSPC;
    struct cr_trace_name *list = realloc(names->list, (names->count + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    names->list = list;
    struct cr_trace_name *entry = &list[names->count];
    memcpy(entry->name, name, length);
    entry->name[length] = '\0';
    entry->channel = channel ? (uint16_t)channel : choose_channel(names, name, length);
    names->last = names->count;
    return (int)names->count++;
}

int cr_trace_names_find(struct cr_trace_names *names, const char *name, size_t length)
{
    if (length == 0 || length >= CANRING_TEXT_NAME)
        return -ENOSPC;
    if (names->count && has_name(&names->list[names->last], name, length))
        return (int)names->last;
    for (uint32_t i = 0; i < names->count; i++) {
        if (has_name(&names->list[i], name, length)) {
            names->last = i;
            return (int)i;
        }
    }
    return add(names, name, length, 0);
}

int cr_trace_names_channel(struct cr_trace_names *names, uint32_t channel)
{
    char name[CANRING_TEXT_NAME];

    if (channel == 0 || channel > CR_TRACE_CHANNEL_MAX)
        return -EINVAL;
    if (names->count && names->list[names->last].channel == channel)
        return (int)names->last;
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->list[i].channel == channel) {
            names->last = i;
            return (int)i;
        }
    }
    int length = snprintf(name, sizeof(name), "can%u", channel - 1);
    return add(names, name, (size_t)length, channel);
}

void cr_trace_names_free(struct cr_trace_names *names)
{
    free(names->list);
    *names = (struct cr_trace_names){0};
}
