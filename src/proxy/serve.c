#include "proxy/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/control.h"
#include "proxy/peer.h"

/* What visitors can ask for in one go: a flood of them must not keep the frames waiting. */
#define REQUESTS_AT_ONCE 4u
#define ACCEPTS_AT_ONCE  8u
#define VISITORS_MAX     64u /* connections without a channel: the oldest has to go */
#define ACCEPT_RETRY_NS  100000000u
/* From observers: for who asks, for a bus or recording to open again. */
#define DESCRIPTORS_KEPT 8u

struct cr_client {
    struct cr_client *next;
    struct canring_proxy *proxy;
    struct cr_port *port; /* attached to, or NULL */
    struct cr_source source;
    int fd;
    bool foreign; /* another user's, of a channel's group */
    bool more;    /* it may have asked more than was read in one go */
    bool ended;   /* freed by cr_serve_reap: its source may be the one being served */
};

static void answer_error(const struct cr_client *client, int code, const char *text)
{
    struct cr_reply reply = {.magic = CR_CONTROL_MAGIC, .result = code};
    snprintf(reply.text, sizeof(reply.text), "%s", text);
    cr_control_answer(client->fd, &reply);
}

static struct cr_port *find_port(const struct canring_proxy *proxy, const char *name)
{
    for (size_t i = 0; i < proxy->port_count; i++)
        if (strcmp(proxy->ports[i]->name, name) == 0)
            return proxy->ports[i];
    return NULL;
}

static void name_channels(const struct canring_proxy *proxy, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < proxy->port_count && used < size; i++)
        if (!proxy->ports[i]->observer)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     proxy->ports[i]->name);
}

static void attach(struct cr_client *client, struct cr_port *port, uint32_t wait)
{
    struct canring_proxy *proxy = client->proxy;
    struct cr_reply reply = {.magic = CR_CONTROL_MAGIC, .proxy_parks = !proxy->spinning};
    snprintf(reply.segment, sizeof(reply.segment), "%s", port->segment.region.name);
    snprintf(reply.channel, sizeof(reply.channel), "%s", port->name);
    snprintf(reply.bus, sizeof(reply.bus), "%s", proxy->bus->name);
    memcpy(reply.attributes, proxy->attributes, sizeof(reply.attributes));
    /* Attached before it is told: frames from now on are its own. */
    cr_port_attach(port, client->fd, cr_peer_pid(client->fd),
                   wait <= CANRING_WAIT_PARK ? (enum canring_wait)wait : CANRING_WAIT_PARK);
    cr_port_settle(port, cr_dispatch_failed(proxy)); /* what failed before is none of its */
    client->port = port;
    int result = cr_control_answer(client->fd, &reply);
    if (result < 0) {
        bool died = result == -EPIPE || result == -ECONNRESET;
        cr_serve_kick(proxy, port, died ? NULL : "did not take the answer to its attach");
        return;
    }
    cr_proxy_report(proxy, LOG_INFO, "%s attached by pid %u", port->name, port->pid);
}

/* Memory for who attaches next, which a group's members may have spoiled for it. */
static int renew(struct canring_proxy *proxy, struct cr_port *port, struct canring_error *err)
{
    if (cr_port_tampered(port)) {
        port->kicked++;
        cr_proxy_report(proxy, LOG_ERR,
                        "%s: its shared memory was changed while nobody was attached, by a member "
                        "of its group: made anew",
                        port->name);
    }
    return cr_port_renew(port, err);
}

static void serve_attach(struct cr_client *client, const struct cr_request *request)
{
    char text[CANRING_ERROR_TEXT], known[256];
    struct canring_error err = {0};
    struct cr_port *port = find_port(client->proxy, request->channel);
    if (port && client->foreign && !cr_peer_in_group(client->fd, port->group)) {
        snprintf(text, sizeof(text), "channel %s is not for your user, nor for a group of yours",
                 port->name);
        answer_error(client, -EACCES, text);
        return;
    }
    if (port && !cr_port_attached(port)) {
        int result = renew(client->proxy, port, &err);
        if (result == 0 && client->proxy->resume_on_attach)
            result = canring_proxy_resume(client->proxy, &err);
        if (result < 0)
            answer_error(client, result, err.text);
        else
            attach(client, port, request->wait);
        return;
    }
    name_channels(client->proxy, known, sizeof(known));
    if (port)
        snprintf(text, sizeof(text),
                 "channel %s is in use by pid %u; '%s/' observes without taking it", port->name,
                 port->pid, client->proxy->name);
    else
        snprintf(text, sizeof(text), "proxy %s has no channel '%s'; it has %s", client->proxy->name,
                 request->channel, known);
    answer_error(client, port ? -EBUSY : -ENOENT, text);
}

static unsigned free_channels(const struct canring_proxy *proxy)
{
    unsigned count = 0;
    for (size_t i = 0; i < proxy->port_count; i++)
        count += !proxy->ports[i]->observer && !cr_port_attached(proxy->ports[i]);
    return count;
}

/* By taking them: what else the process has open is not ours to know. */
static bool descriptors_left(const struct canring_proxy *proxy, unsigned wanted)
{
    int taken[CANRING_CHANNELS_MAX + DESCRIPTORS_KEPT + 1];
    unsigned count = 0;
    while (count < wanted && (taken[count] = fcntl(proxy->listener, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    bool enough = count == wanted;
    while (count)
        close(taken[--count]);
    return enough;
}

/* Each has its connection and its memory: together they must not keep out those whose channels are
 * configured. */
static bool has_room_for_observer(const struct canring_proxy *proxy)
{
    return descriptors_left(proxy, 1 + free_channels(proxy) + DESCRIPTORS_KEPT);
}

static void serve_observe(struct cr_client *client, const struct cr_request *request)
{
    struct canring_proxy *proxy = client->proxy;
    struct canring_error err = {0};
    struct canring_channel_config config = {0};
    struct cr_port *port = NULL;
    char name[CR_SEGMENT_NAME];
    if (!has_room_for_observer(proxy)) {
        answer_error(client, -EMFILE,
                     "no descriptors left for observers (ulimit -n of the proxy): the rest is kept "
                     "for its channels");
        return;
    }
    do /* a configured channel may be called like that */
        snprintf(name, sizeof(name), "observer%u", ++proxy->observers);
    while (find_port(proxy, name));
    config.name = name;
    int result = canring_filters_parse(&config.filters, request->filters, &err);
    config.filters.given = request->filtered || request->filters[0];
    if (result == 0)
        result = cr_proxy_add_port(proxy, &config, &port, &err);
    canring_filters_free(&config.filters);
    if (result < 0 || !port) {
        answer_error(client, result, err.text);
        return;
    }
    port->observer = true;
    attach(client, port, request->wait);
}

/* Long answers go out in pieces; a client that does not take them loses its connection, not our
 * time. */
static int serve_status(const struct cr_client *client)
{
    char *text = canring_proxy_status(client->proxy);
    size_t length = text ? strlen(text) : 0;
    struct cr_reply reply = {.magic = CR_CONTROL_MAGIC, .result = (int32_t)length};
    int result = text ? cr_control_answer(client->fd, &reply) : -ENOMEM;
    for (size_t at = 0; result == 0 && at < length; at += CR_CONTROL_CHUNK) {
        size_t piece = length - at < CR_CONTROL_CHUNK ? length - at : CR_CONTROL_CHUNK;
        if (send(client->fd, text + at, piece, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            result = -errno;
    }
    free(text);
    return result;
}

static void end_client(struct cr_client *client)
{
    if (client->ended)
        return;
    cr_loop_disarm(client->proxy->loop, &client->source);
    close(client->fd);
    client->ended = true;
}

/* It told its user that we do not answer: stopped, we had not read yet what it asked. */
static bool asker_has_gone(const struct cr_client *client)
{
    struct pollfd connection = {.fd = client->fd, .events = POLLRDHUP};
    return poll(&connection, 1, 0) > 0;
}

/* Running, suspended, ended: what people and auxiliary handles ask of a proxy. */
static void serve_life(const struct cr_client *client, uint32_t operation)
{
    struct canring_proxy *proxy = client->proxy;
    struct canring_error err = {0};
    struct cr_reply reply = {.magic = CR_CONTROL_MAGIC};
    if (asker_has_gone(client))
        return;
    if (operation == CR_OP_SUSPEND)
        reply.result = canring_proxy_suspend(proxy);
    else if (operation == CR_OP_RESUME)
        reply.result = canring_proxy_resume(proxy, &err);
    else if (operation == CR_OP_INSTANCE)
        reply.result = !canring_proxy_suspended(proxy);
    memcpy(reply.text, err.text, sizeof(reply.text));
    cr_control_answer(client->fd, &reply);
    if (operation == CR_OP_STOP)
        canring_proxy_stop(proxy);
}

static void serve(struct cr_client *client, struct cr_request *request)
{
    request->channel[sizeof(request->channel) - 1] = '\0';
    request->filters[sizeof(request->filters) - 1] = '\0';
    if (request->magic != CR_CONTROL_MAGIC || client->port) {
        answer_error(client, -EPROTO, "not a request of this version of canring");
        return;
    }
    if (client->foreign && request->operation != CR_OP_ATTACH) {
        answer_error(client, -EACCES, "only the user who runs the proxy may ask that");
        return;
    }
    switch (request->operation) {
    case CR_OP_ATTACH:
        serve_attach(client, request);
        return;
    case CR_OP_OBSERVE:
        serve_observe(client, request);
        return;
    case CR_OP_STATUS:
        if (serve_status(client) < 0)
            end_client(client);
        return;
    case CR_OP_SUSPEND:
    case CR_OP_RESUME:
    case CR_OP_STOP:
    case CR_OP_INSTANCE:
        serve_life(client, request->operation);
        return;
    default:
        answer_error(client, -EOPNOTSUPP, "unknown request");
    }
}

static void hang_up(struct cr_client *client)
{
    if (!client->port) {
        end_client(client);
        return;
    }
    cr_dispatch_take_rest(client->proxy, client->port);
    cr_serve_kick(client->proxy, client->port, NULL);
}

/* A visitor's requests, or the rings of who attached. All of them: we are not rung through a queue
 * that is full. */
static void read_requests(struct cr_client *client)
{
    struct cr_request request;
    client->more = false;
    for (unsigned asked = 0; !client->ended; asked++) {
        if (asked == REQUESTS_AT_ONCE) {
            client->more = true;
            return;
        }
        ssize_t got = recv(client->fd, &request, sizeof(request), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got == (ssize_t)sizeof(request)) {
            serve(client, &request);
            continue;
        }
        if (got > 0 && client->port)
            continue; /* that it woke us is all there is to it */
        if (got > 0) {
            answer_error(client, -EPROTO, "a request of the wrong size");
            continue;
        }
        hang_up(client);
    }
}

static void on_client(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    read_requests(source->owner);
}

static void end_oldest_visitor(const struct canring_proxy *proxy)
{
    struct cr_client *oldest = NULL;
    unsigned visitors = 0;
    for (struct cr_client *client = proxy->clients; client; client = client->next) {
        if (client->port || client->ended)
            continue;
        oldest = client; /* new ones are put in front */
        visitors++;
    }
    if (visitors > VISITORS_MAX)
        end_client(oldest);
}

static bool is_welcome(const struct canring_proxy *proxy, int fd)
{
    for (size_t i = 0; i < proxy->port_count; i++)
        if (cr_peer_in_group(fd, proxy->ports[i]->group))
            return true;
    return false;
}

static void add_client(struct canring_proxy *proxy, int fd)
{
    const bool foreign = cr_peer_is_foreign(fd);
    if (foreign && !is_welcome(proxy, fd)) {
        answer_error(&(struct cr_client){.fd = fd}, -EACCES,
                     "the proxy has no channel for your user or a group of yours");
        close(fd);
        return;
    }
    struct cr_client *client = calloc(1, sizeof(*client));
    if (!client) {
        close(fd);
        return;
    }
    client->foreign = foreign;
    client->proxy = proxy;
    client->fd = fd;
    client->source = (struct cr_source){.ready = on_client, .owner = client};
    client->next = proxy->clients;
    proxy->clients = client;
    if (cr_loop_watch(proxy->loop, &client->source, fd, POLLIN) < 0)
        end_client(client);
    end_oldest_visitor(proxy);
}

/* No descriptor or memory now. Those in the queue make no further event: look again later. */
static void accept_later(struct canring_proxy *proxy)
{
    if (!proxy->accept_failed)
        cr_proxy_report(proxy, LOG_WARNING, "cannot let anybody attach for now: %s",
                        strerror(errno));
    proxy->accept_failed = true;
    cr_loop_timer(proxy->loop, &proxy->accept_retry, ACCEPT_RETRY_NS);
}

static void accept_clients(struct canring_proxy *proxy)
{
    proxy->more_visitors = false;
    for (unsigned accepted = 0; accepted < ACCEPTS_AT_ONCE; accepted++) {
        int fd = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            proxy->accept_failed = false;
            add_client(proxy, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            accept_later(proxy);
            return;
        }
    }
    proxy->more_visitors = true;
}

static void on_listener(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    accept_clients(source->owner);
}

void cr_serve_kick(struct canring_proxy *proxy, struct cr_port *port, const char *why)
{
    struct canring_error err = {0};
    for (struct cr_client *client = proxy->clients; client; client = client->next) {
        if (client->port != port || client->ended)
            continue;
        client->port = NULL;
        end_client(client);
    }
    if (why) {
        port->kicked++;
        cr_proxy_report(proxy, LOG_ERR, "%s: pid %u detached: it %s", port->name, port->pid, why);
    } else {
        cr_proxy_report(proxy, LOG_INFO, "%s detached by pid %u", port->name, port->pid);
    }
    if (port->observer)
        cr_proxy_remove_port(proxy, port);
    else if (cr_port_detach(port, &err) < 0)
        cr_proxy_report(proxy, LOG_ERR, "%s cannot be attached to for now: %s", port->name,
                        err.text);
}

static void reap(struct canring_proxy *proxy)
{
    for (struct cr_client **link = &proxy->clients; *link;) {
        struct cr_client *client = *link;
        if (!client->ended) {
            link = &client->next;
            continue;
        }
        *link = client->next;
        free(client);
    }
}

bool cr_serve_rest(struct canring_proxy *proxy)
{
    bool served = proxy->more_visitors;
    if (served)
        accept_clients(proxy);
    for (struct cr_client *client = proxy->clients; client; client = client->next) {
        if (!client->more || client->ended)
            continue;
        read_requests(client);
        served = true;
    }
    reap(proxy);
    return served;
}

int cr_serve_open(struct canring_proxy *proxy, struct canring_error *err)
{
    proxy->listener = cr_control_listen(proxy->name, err);
    if (proxy->listener < 0)
        return proxy->listener;
    proxy->listener_source = (struct cr_source){.ready = on_listener, .owner = proxy};
    proxy->accept_retry = proxy->listener_source;
    int result = cr_loop_watch(proxy->loop, &proxy->listener_source, proxy->listener, POLLIN);
    return result < 0 ? canring_error_set(err, result, "control socket: %s", strerror(-result)) : 0;
}

int cr_serve_share(const struct canring_proxy *proxy, struct canring_error *err)
{
    for (size_t i = 0; i < proxy->port_count; i++)
        if (proxy->ports[i]->group != (gid_t)-1)
            return cr_control_share(proxy->name, err);
    return 0;
}

void cr_serve_close(struct canring_proxy *proxy)
{
    char path[128];
    for (struct cr_client *client = proxy->clients; client; client = client->next)
        end_client(client);
    reap(proxy);
    if (proxy->listener < 0)
        return;
    cr_loop_disarm(proxy->loop, &proxy->accept_retry);
    cr_loop_disarm(proxy->loop, &proxy->listener_source);
    /* While it still listens: afterwards it may be our successor's. */
    if (cr_control_path(path, sizeof(path), proxy->name, NULL) == 0)
        unlink(path);
    close(proxy->listener);
    proxy->listener = -1;
}
