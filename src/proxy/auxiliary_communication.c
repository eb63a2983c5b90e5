#include "proxy/auxiliary_communication.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <canring/channel.h>
#include <canring/log.h>

#include "proxy/auxiliary_inbox.h"
#include "proxy/auxiliary_serve.h"
#include "shm/clock.h"

#define LOGGER       "canring.communication"
#define SEND_MS      1200       /* a frame that the bus has not taken within a second never goes */
#define REATTACH_NS  100000000u /* between looks for a proxy that has gone */
#define DRAIN_FRAMES 1024       /* then requests have their turn */

struct communication {
    struct canring_channel *channel; /* NULL = its proxy has gone */
    struct cr_inbox inbox;
    uint8_t out[CANRING_XL_DATA_MAX]; /* what a receive answers with */
    uint64_t mark;                    /* when the last call began */
    bool asked;                       /* it was a send: an answer may be on its way */
    uint64_t receiving_until;         /* somebody waits: what arrives is for that call */
    uint64_t retry_at;
    unsigned collecting; /* scopes open */
    pid_t collector;     /* whose they are */
    int always;          /* readable: there is something already */
    bool active;         /* there is an instance */
    bool has_id, extended, fd, brs, announced;
    uint32_t remote_id;
};

static bool flag_of(const json_t *config, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(config, key);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

static void configure(struct communication *c, const char *text)
{
    json_t *config = json_loads(text && *text ? text : "{}", 0, NULL);
    const json_t *id = json_object_get(config, "remote_id");
    c->has_id = json_is_integer(id);
    c->remote_id = c->has_id ? (uint32_t)json_integer_value(id) : 0;
    c->extended = flag_of(config, "is_extended_id", false);
    c->fd = flag_of(config, "is_fd", true);
    c->brs = flag_of(config, "enable_brs", false);
    json_decref(config);
}

static int opened(struct canring_auxiliary_context *context, struct canring_error *err)
{
    struct communication *c = calloc(1, sizeof(*c));
    if (!c)
        return canring_error_set(err, -ENOMEM, "no memory for auxiliary %s", context->name);
    c->always = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    c->inbox.frames.limit = CR_COMMUNICATION_KEEP;
    configure(c, context->config);
    context->user = c;
    return 0;
}

static void closed(struct canring_auxiliary_context *context)
{
    struct communication *c = context->user;
    canring_channel_detach(c->channel);
    cr_inbox_clear(&c->inbox);
    if (c->always >= 0)
        close(c->always);
    free(c);
    context->user = NULL;
}

static bool create(struct canring_auxiliary_context *context)
{
    struct communication *c = context->user;
    struct canring_error err = {0};
    if (!context->channel) {
        canring_log(CANRING_LOG_ERROR, LOGGER, "%s has no channel", context->name);
        return false;
    }
    if (canring_channel_attach(&c->channel, context->channel, NULL, &err) < 0) {
        canring_log(CANRING_LOG_ERROR, LOGGER, "%s: %s", context->name, err.text);
        return false;
    }
    c->mark = c->inbox.looked_ns = cr_monotonic_ns();
    c->receiving_until = 0;
    c->asked = false;
    c->active = true;
    return true;
}

static bool delete (struct canring_auxiliary_context *context)
{
    struct communication *c = context->user;
    canring_channel_detach(c->channel);
    c->channel = NULL;
    c->active = c->announced = false;
    cr_inbox_clear(&c->inbox);
    return true;
}

static void proxy_gone(struct canring_auxiliary_context *context)
{
    struct communication *c = context->user;
    canring_log(CANRING_LOG_WARNING, LOGGER, "%s: the proxy of %s has gone; waiting for another",
                context->name, context->channel);
    canring_channel_detach(c->channel);
    c->channel = NULL;
    c->announced = false;
    c->retry_at = cr_monotonic_ns() + REATTACH_NS;
}

static bool have_channel(struct canring_auxiliary_context *context)
{
    struct communication *c = context->user;
    if (c->channel || !c->active)
        return c->active;
    uint64_t now = cr_monotonic_ns();
    if (now < c->retry_at)
        return false;
    c->retry_at = now + REATTACH_NS;
    return canring_channel_attach(&c->channel, context->channel, NULL, NULL) == 0;
}

/* Keep what has come so far, up to a bound, and wake those who wait for it. */
static void look(struct canring_auxiliary_context *context)
{
    struct communication *c = context->user;
    const struct canring_frame *frame;
    unsigned kept = 0, seen = 0;
    if (!have_channel(context))
        return;
    if (c->announced)
        canring_channel_awake(c->channel);
    c->announced = false;
    uint64_t now = cr_monotonic_ns(), realtime = cr_realtime_ns();
    for (; seen < DRAIN_FRAMES && (frame = canring_channel_peek(c->channel)) != NULL; seen++) {
        if (!canring_frame_is_error(frame) && !canring_frame_is_remote(frame)) {
            cr_inbox_add(&c->inbox, frame, now, realtime);
            kept++;
        }
        canring_channel_next(c->channel);
    }
    if (seen < DRAIN_FRAMES)
        c->inbox.looked_ns = now;
    if (!seen && canring_channel_wait(c->channel, 0) == -EPIPE)
        proxy_gone(context);
    if (kept)
        cr_auxiliary_arrived();
}

/* Everything that has come before now is in the inbox, or gave way in it. */
static void look_all(struct canring_auxiliary_context *context)
{
    const struct communication *c = context->user;
    uint64_t begin = cr_monotonic_ns();
    do
        look(context);
    while (c->channel && c->inbox.looked_ns < begin);
}

static int receive(struct canring_auxiliary_context *context, int timeout_ms,
                   struct canring_message_view *message)
{
    (void)timeout_ms, (void)message; /* callers ask for it with commands; they only hear of it */
    look(context);
    return 0;
}

static int descriptor(struct canring_auxiliary_context *context)
{
    struct communication *c = context->user;
    if (!c->channel)
        return -1;
    c->announced = true;
    return canring_channel_prepare(c->channel) ? canring_channel_fd(c->channel) : c->always;
}

static size_t fd_length(size_t size)
{
    static const uint8_t lengths[] = {8, 12, 16, 20, 24, 32, 48, 64};
    unsigned i = 0;
    while (lengths[i] < size)
        i++;
    return lengths[i];
}

/* More than 8 bytes go as a CAN FD frame, filled with zeros up to a length that CAN FD has. */
static int compose(const struct communication *c, const struct cr_communication_request *request,
                   const void *data, size_t size, struct canring_frame *frame)
{
    uint32_t id = request->has_id ? request->remote_id : c->remote_id;
    bool extended = c->extended || (id & CANRING_ID_EXTENDED);
    id &= ~CANRING_ID_EXTENDED;
    if (!request->has_id && !c->has_id)
        return -EDESTADDRREQ;
    if (id > (extended ? CANRING_ID_MASK_EXT : CANRING_ID_MASK_STD))
        return -ERANGE;
    if (size > CANRING_FD_DATA_MAX || (size > CANRING_CC_DATA_MAX && !c->fd))
        return -EMSGSIZE;
    canring_frame_classic(frame, id | (extended ? CANRING_ID_EXTENDED : 0), data,
                          size > CANRING_CC_DATA_MAX ? 0 : size);
    if (size <= CANRING_CC_DATA_MAX)
        return 0;
    size_t length = fd_length(size);
    frame->flags = (uint16_t)(CANRING_FD | (c->brs ? CANRING_BRS : 0));
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    memset(frame->data, 0, length);
    memcpy(frame->data, data, size);
    return 0;
}

/* What has come before this call can be no answer to it. */
static int send_message(struct canring_auxiliary_context *context,
                        const struct cr_communication_request *request, const void *data,
                        size_t size)
{
    struct communication *c = context->user;
    union canring_frame_buffer buffer = {.bytes = {0}};
    int result = c->active ? compose(c, request, data, size, &buffer.frame) : -ENOTCONN;
    if (result < 0)
        return result;
    look_all(context);
    if (!c->collecting && c->receiving_until < request->began_ns)
        cr_inbox_drop_older(&c->inbox, request->began_ns);
    c->mark = request->began_ns;
    c->asked = true;
    if (!have_channel(context))
        return 0;
    result = canring_channel_send_confirmed(c->channel, &buffer.frame, SEND_MS);
    if (result != -EPIPE)
        return result;
    proxy_gone(context);
    return 0;
}

static int receive_message(struct canring_auxiliary_context *context,
                           const struct cr_communication_request *request,
                           struct canring_message_view *reply)
{
    struct communication *c = context->user;
    const struct canring_frame *front;
    struct cr_fifo *next;
    look_all(context);
    /* One that is given what was kept asks nothing of the bus. */
    if (request->operation == CR_COMMUNICATION_RECEIVE && !c->inbox.kept.count) {
        if (!c->collecting)
            cr_inbox_drop_older(&c->inbox, c->mark);
        c->mark = request->began_ns;
        c->asked = false;
    }
    next = cr_inbox_next(&c->inbox);
    front = cr_fifo_front(next);
    c->receiving_until = front ? 0 : request->until_ns;
    if (!front)
        return 0;
    *reply = (struct canring_message_view){.data = c->out,
                                           .size = canring_frame_length(front),
                                           .remote_id = front->id & CANRING_ID_MASK_EXT};
    memcpy(c->out, canring_frame_payload(front), reply->size);
    cr_fifo_pop(next);
    return 1;
}

static int clear(struct canring_auxiliary_context *context,
                 const struct cr_communication_request *request)
{
    struct communication *c = context->user;
    look_all(context);
    cr_inbox_drop_older(&c->inbox, request->began_ns);
    cr_fifo_clear(&c->inbox.kept);
    c->mark = request->began_ns;
    c->asked = false;
    return 0;
}

static int collect(struct canring_auxiliary_context *context,
                   const struct cr_communication_request *request)
{
    struct communication *c = context->user;
    if (request->operation == CR_COMMUNICATION_COLLECT_END) {
        if (!c->collecting)
            return -EALREADY;
        look_all(context);
        if (--c->collecting == 0)
            cr_inbox_keep(&c->inbox);
        return 0;
    }
    c->collector = (pid_t)request->caller;
    look_all(context);
    /* The answer to a send just before belongs to the scope however fast it came; else what came
     * before the scope is not of it. */
    if (c->collecting++ == 0)
        cr_inbox_drop_older(&c->inbox, c->asked ? c->mark : request->began_ns);
    return 0;
}

/* A scope ends with the process that opened it, as a lock does: whoever comes next must not find
 * what a dead one collected. */
static void end_scope_of_the_dead(struct communication *c)
{
    if (!c->collecting || kill(c->collector, 0) == 0 || errno != ESRCH)
        return;
    c->collecting = 0;
    cr_inbox_clear(&c->inbox);
}

static int run(struct canring_auxiliary_context *context, const void *message, size_t message_size,
               const void *data, size_t data_size, struct canring_message_view *reply)
{
    struct cr_communication_request request;
    if (message_size != sizeof(request))
        return -EINVAL;
    memcpy(&request, message, sizeof(request));
    if (request.magic != CR_COMMUNICATION_MAGIC)
        return -EINVAL;
    end_scope_of_the_dead(context->user);
    switch (request.operation) {
    case CR_COMMUNICATION_SEND:
        return send_message(context, &request, data, data_size);
    case CR_COMMUNICATION_RECEIVE:
    case CR_COMMUNICATION_RECEIVE_MORE:
        return receive_message(context, &request, reply);
    case CR_COMMUNICATION_CLEAR:
        return clear(context, &request);
    case CR_COMMUNICATION_COLLECT_BEGIN:
    case CR_COMMUNICATION_COLLECT_END:
        return collect(context, &request);
    default:
        return -EINVAL;
    }
}

static bool abort_command(struct canring_auxiliary_context *context)
{
    (void)context; /* a command of its ends by itself within SEND_MS */
    return true;
}

const struct canring_auxiliary_ops canring_communication_ops = {
    .name = "communication",
    .create_auxiliary_instance = create,
    .delete_auxiliary_instance = delete,
    .run_command = run,
    .abort_command = abort_command,
    .receive_message = receive,
    .fd = descriptor,
    .opened = opened,
    .closed = closed,
};
