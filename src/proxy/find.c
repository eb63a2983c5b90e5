#include "proxy/find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <canring/proxy.h>

#define STATUS_MAX (16u << 20) /* bytes of JSON that we are willing to read */

/* The JSON that follows the reply in messages of its own. */
static json_t *read_status(int socket, uint32_t bytes)
{
    char *text = bytes <= STATUS_MAX ? malloc(bytes + 1u) : NULL;
    uint32_t have = 0;
    while (text && have < bytes) {
        ssize_t got = recv(socket, text + have, bytes - have, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        have += (uint32_t)got;
    }
    json_t *state = text && have == bytes ? json_loadb(text, bytes, 0, NULL) : NULL;
    free(text);
    return state;
}

static json_t *ask_status(int socket, struct canring_error *err)
{
    const struct cr_request request = {.magic = CR_CONTROL_MAGIC, .operation = CR_OP_STATUS};
    struct cr_reply reply;
    if (cr_control_ask(socket, &request, &reply, err) < 0)
        return NULL;
    return read_status(socket, (uint32_t)reply.result);
}

static void visit(void *arg, const char *proxy)
{
    json_t *states = arg;
    struct canring_error err = {0};
    int fd = cr_control_connect(proxy, &err);
    if (fd == -ENOENT) {
        cr_control_remove_leftover(proxy);
        return;
    }
    json_t *state = fd < 0 ? NULL : ask_status(fd, &err);
    if (fd >= 0)
        close(fd);
    if (!state)
        state = json_pack("{s:s, s:s}", "name", proxy, "error",
                          *err.text ? err.text : "it did not tell its state");
    if (!state) /* a path that is no UTF-8 */
        state = json_pack("{s:s, s:s}", "name", proxy, "error", "does not answer");
    json_array_append_new(states, state);
}

json_t *cr_find_proxies(struct canring_error *err)
{
    json_t *states = json_array();
    if (states && cr_control_each(visit, states, err) < 0) {
        json_decref(states);
        return NULL;
    }
    return states;
}

int canring_proxies(char **text, struct canring_error *err)
{
    *text = NULL;
    json_t *states = cr_find_proxies(err);
    if (!states)
        return -EIO;
    int count = (int)json_array_size(states);
    *text = json_dumps(states, JSON_INDENT(2));
    json_decref(states);
    return *text ? count : canring_error_set(err, -ENOMEM, "no memory");
}

struct search {
    const char *name;
    char *proxy, *channel;
    unsigned found;
    char known[256]; /* for the message */
};

static void remember(struct search *search, const char *proxy, const char *channel)
{
    size_t used = strlen(search->known);
    snprintf(search->known + used, sizeof(search->known) - used, "%s%s/%s", used ? ", " : "", proxy,
             channel);
}

static void look_in(struct search *search, const json_t *state)
{
    const char *proxy = json_string_value(json_object_get(state, "name"));
    const json_t *channels = json_object_get(state, "channels");
    size_t i;
    json_t *item;
    if (!proxy)
        return;
    if (strcmp(proxy, search->name) == 0) {
        snprintf(search->proxy, CR_SEGMENT_NAME, "%s", proxy);
        search->channel[0] = '\0';
        search->found++;
    }
    json_array_foreach(channels, i, item)
    {
        const char *channel = json_string_value(json_object_get(item, "name"));
        if (!channel)
            continue;
        remember(search, proxy, channel);
        if (strcmp(channel, search->name) != 0)
            continue;
        snprintf(search->proxy, CR_SEGMENT_NAME, "%s", proxy);
        snprintf(search->channel, CR_SEGMENT_NAME, "%s", channel);
        search->found++;
    }
}

int cr_find_channel(const char *name, char proxy[CR_SEGMENT_NAME], char channel[CR_SEGMENT_NAME],
                    struct canring_error *err)
{
    const char *slash = strchr(name, '/');
    if (strlen(name) >= CR_SEGMENT_NAME * 2 || (slash && slash - name >= CR_SEGMENT_NAME) ||
        strlen(slash ? slash + 1 : name) >= CR_SEGMENT_NAME)
        return canring_error_set(err, -ENAMETOOLONG, "'%.40s…' is longer than a channel's name",
                                 name);
    if (slash) {
        snprintf(proxy, CR_SEGMENT_NAME, "%.*s", (int)(slash - name), name);
        snprintf(channel, CR_SEGMENT_NAME, "%s", slash + 1);
        return 0;
    }
    struct search search = {.name = name, .proxy = proxy, .channel = channel};
    json_t *states = cr_find_proxies(err);
    if (!states)
        return -ENOENT;
    size_t i;
    json_t *state;
    json_array_foreach(states, i, state) look_in(&search, state);
    json_decref(states);
    if (search.found == 1)
        return 0;
    if (search.found > 1)
        return canring_error_set(err, -EEXIST, "'%s' means several; say which: %s", name,
                                 search.known);
    return canring_error_set(err, -ENOENT, "no running proxy or channel is named '%s'; there %s%s",
                             name, *search.known ? "is " : "is none", search.known);
}
