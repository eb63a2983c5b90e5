#include <errno.h>
#include <string.h>

#include <canring/log.h>

#include "proxy/auxiliary_serve.h"

#define LOGGER "canring.auxiliary"

static void set_instance(struct cr_auxiliary_server *server, bool instance)
{
    server->instance = instance;
    atomic_store_explicit(&server->shared.header->instance, instance, memory_order_release);
}

/* 0 created, 1 there was one, -ECANCELED. */
int cr_auxiliary_create(struct cr_auxiliary_server *server)
{
    if (server->instance)
        return 1;
    if (!server->ops->create_auxiliary_instance(server->context))
        return -ECANCELED;
    set_instance(server, true);
    return 0;
}

/* 0 deleted, 1 there was none, -ECANCELED. */
int cr_auxiliary_delete(struct cr_auxiliary_server *server)
{
    if (!server->instance)
        return 1;
    if (!server->ops->delete_auxiliary_instance(server->context))
        return -ECANCELED;
    set_instance(server, false);
    return 0;
}

/* A reply goes out only while somebody waits for it, and then there is room: the caller has emptied
 * the ring before it asked. */
static void reply(struct cr_auxiliary_server *server, int result,
                  const struct canring_message_view *view)
{
    const struct cr_envelope *request = &server->in.envelope;
    struct cr_envelope e = {.id = request->id,
                            .result = result,
                            .kind = (uint16_t)(request->kind & ~CR_REQUEST_NO_REPLY),
                            .remote_id = view ? view->remote_id : 0};
    const struct cr_part parts[2] = {{view ? view->data : NULL, view ? view->size : 0}, {NULL, 0}};
    if (request->kind & CR_REQUEST_NO_REPLY)
        return;
    if (atomic_load_explicit(&server->shared.callers->awaited, memory_order_acquire) != e.id)
        return;
    if (cr_message_write(&server->replies, &e, parts, NULL, NULL) < 0)
        canring_log(CANRING_LOG_ERROR, LOGGER, "%s: a reply of %zu bytes found no room",
                    server->context->name, parts[0].size);
}

static void reply_text(struct cr_auxiliary_server *server, int result, const char *text)
{
    const struct canring_message_view view = {.data = text, .size = strlen(text)};
    reply(server, result, &view);
}

static void command(struct cr_auxiliary_server *server)
{
    const struct cr_envelope *e = &server->in.envelope;
    struct canring_message_view view = {0};
    int result = server->ops->run_command(server->context, server->in.data, e->message_size,
                                          server->in.data + e->message_size,
                                          e->total - e->message_size, &view);
    if (result > 0 && view.size > CANRING_MESSAGE_MAX) {
        canring_log(CANRING_LOG_ERROR, LOGGER, "%s: a reply of %zu bytes is more than %u",
                    server->context->name, view.size, CANRING_MESSAGE_MAX);
        result = -EMSGSIZE;
    }
    reply(server, result, result > 0 ? &view : NULL);
}

static void create_copy(struct cr_auxiliary_server *server)
{
    char name[CR_AUXILIARY_NAME];
    struct canring_error err = {0};
    int result = cr_auxiliary_copy(server, (const char *)server->in.data, name, &err);
    reply_text(server, result, result < 0 ? err.text : name);
}

static void destroy_copy(struct cr_auxiliary_server *server)
{
    struct canring_error err = {0};
    int result = cr_auxiliary_copy_end(server, &err);
    reply_text(server, result, err.text);
}

/* Ends the process even when the instance would not go. */
static void stop(struct cr_auxiliary_server *server)
{
    int result = cr_auxiliary_delete(server);
    server->stopped = true;
    reply(server, result < 0 ? result : 0, NULL);
}

void cr_auxiliary_answer(struct cr_auxiliary_server *server)
{
    unsigned kind = server->in.envelope.kind & ~CR_REQUEST_NO_REPLY;
    switch (kind) {
    case CR_REQUEST_CREATE:
        reply(server, cr_auxiliary_create(server), NULL);
        return;
    case CR_REQUEST_DELETE:
        reply(server, cr_auxiliary_delete(server), NULL);
        return;
    case CR_REQUEST_COMMAND:
        command(server);
        return;
    case CR_REQUEST_ABORT:
        reply(server, server->ops->abort_command(server->context) ? 1 : 0, NULL);
        return;
    case CR_REQUEST_STOP:
        stop(server);
        return;
    case CR_REQUEST_CREATE_COPY:
        create_copy(server);
        return;
    case CR_REQUEST_DESTROY_COPY:
        destroy_copy(server);
        return;
    default:
        canring_log(CANRING_LOG_WARNING, LOGGER, "Unknown request '%u' will not be processed!",
                    kind);
        reply(server, -EOPNOTSUPP, NULL);
    }
}
