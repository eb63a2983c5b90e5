#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <canring/log.h>

#include "proxy/auxiliary_handle.h"
#include "proxy/auxiliary_serve.h"

#define END_MS  5000 /* a copy that has not ended by then is killed */
#define MAKE_S  35.0 /* longer than a copy may take to be ready */
#define STEP_MS 10

/* ---- in the original's process ------------------------------------------------------------ */

/* `over` laid over the original's own; NULL and why. */
static char *merge(const char *own, const char *over, struct canring_error *err)
{
    json_error_t wrong;
    json_t *base = json_loads(own && *own ? own : "{}", 0, NULL);
    json_t *change = json_loads(*over ? over : "{}", 0, &wrong);
    char *text = NULL;
    if (!json_is_object(change))
        canring_error_set(err, -EINVAL, "the copy's config is no JSON object: %s",
                          change ? "another kind of value" : wrong.text);
    else if (!json_is_object(base) || json_object_update(base, change) < 0 ||
             !(text = json_dumps(base, JSON_COMPACT)))
        canring_error_set(err, -EINVAL, "the config of the original cannot be merged with");
    json_decref(base);
    json_decref(change);
    return text;
}

static int be_copy(struct cr_auxiliary_server *server, const char *name, const char *config,
                   int ready, pid_t parent)
{
    const struct canring_auxiliary_ops *ops = server->ops;
    struct canring_auxiliary_context context = {
        .name = name, .config = config, .channel = server->context->channel};
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return EXIT_FAILURE;
    cr_auxiliary_shared_forget(&server->shared);
    canring_log_open(name, NULL);
    int result = cr_auxiliary_serve(ops, &context, true, ready, NULL);
    canring_log_close();
    return result < 0 ? EXIT_FAILURE : 0;
}

static void reap(struct cr_auxiliary_server *server, const char *name)
{
    int waited = 0;
    while (waitpid(server->copy, NULL, WNOHANG) == 0) {
        if (waited == END_MS)
            kill(server->copy, SIGKILL);
        poll(NULL, 0, STEP_MS);
        waited += STEP_MS;
    }
    server->copy = 0;
    cr_auxiliary_shared_clean(name);
}

static void copy_name(const struct cr_auxiliary_server *server, char name[CR_AUXILIARY_NAME])
{
    snprintf(name, CR_AUXILIARY_NAME, "%.40s.copy%u", server->context->name, server->copies);
}

static int start_copy(struct cr_auxiliary_server *server, const char *name, const char *config,
                      struct canring_error *err)
{
    int ready[2];
    pid_t self = getpid();
    if (pipe2(ready, O_CLOEXEC) < 0)
        return canring_error_set(err, -errno, "pipe: %s", strerror(errno));
    server->copy = fork();
    if (server->copy == 0) {
        close(ready[0]);
        _exit(be_copy(server, name, config, ready[1], self));
    }
    close(ready[1]);
    int result = server->copy < 0 ? canring_error_set(err, -errno, "fork: %s", strerror(errno))
                                  : cr_auxiliary_await(ready[0], name, err);
    close(ready[0]);
    if (result < 0 && server->copy > 0) {
        kill(server->copy, SIGTERM);
        reap(server, name);
    }
    if (result < 0)
        server->copy = 0;
    return result;
}

static void resume(struct cr_auxiliary_server *server)
{
    if (server->resume && cr_auxiliary_create(server) < 0)
        canring_log(CANRING_LOG_ERROR, "canring.auxiliary", "%s cannot be resumed after its copy",
                    server->context->name);
    server->resume = false;
}

int cr_auxiliary_copy(struct cr_auxiliary_server *server, const char *config,
                      char name[CR_AUXILIARY_NAME], struct canring_error *err)
{
    if (server->copy)
        return canring_error_set(err, -EEXIST, "auxiliary %s has a copy already",
                                 server->context->name);
    char *merged = merge(server->context->config, config, err);
    if (!merged)
        return -EINVAL;
    int deleted = cr_auxiliary_delete(server);
    server->copies++;
    server->resume = deleted == 0;
    copy_name(server, name);
    int result = deleted < 0 ? canring_error_set(err, deleted, "auxiliary %s cannot be suspended",
                                                 server->context->name)
                             : start_copy(server, name, merged, err);
    free(merged);
    if (result < 0)
        resume(server);
    return result;
}

int cr_auxiliary_copy_end(struct cr_auxiliary_server *server, struct canring_error *err)
{
    char name[CR_AUXILIARY_NAME];
    if (!server->copy)
        return canring_error_set(err, -ENOENT, "auxiliary %s has no copy", server->context->name);
    copy_name(server, name);
    kill(server->copy, SIGTERM);
    reap(server, name);
    resume(server);
    return 0;
}

/* ---- the caller's side -------------------------------------------------------------------- */

static int ask(struct canring_auxiliary *auxiliary, uint16_t kind, const char *text,
               char answer[CANRING_ERROR_TEXT], struct canring_error *err)
{
    struct cr_auxiliary_call call = {.kind = kind,
                                     .parts = {{text, strlen(text)}, {NULL, 0}},
                                     .deadline = cr_auxiliary_deadline(MAKE_S)};
    int result = cr_auxiliary_call(auxiliary, &call);
    answer[0] = '\0';
    if (result == 1)
        snprintf(answer, CANRING_ERROR_TEXT, "%s", (const char *)call.answer.data);
    canring_message_free(&call.answer);
    if (result == 1)
        return call.result < 0 ? canring_error_set(err, call.result, "%s", answer) : 0;
    return canring_error_set(err, result == 0 ? -ETIMEDOUT : result, "auxiliary %s: %s",
                             auxiliary->name, result == 0 ? "does not answer" : strerror(-result));
}

int canring_auxiliary_create_copy(struct canring_auxiliary *original, const char *config,
                                  struct canring_auxiliary **copy, struct canring_error *err)
{
    char name[CANRING_ERROR_TEXT];
    *copy = NULL;
    if (original->proxy)
        return canring_error_set(err, -EOPNOTSUPP, "%s is a proxy: it cannot be copied",
                                 original->name);
    int result = ask(original, CR_REQUEST_CREATE_COPY, config ? config : "{}", name, err);
    if (result == 0)
        result = canring_auxiliary_open(copy, name, err);
    if (result == 0)
        memcpy((*copy)->original, original->name, sizeof(original->name));
    return result;
}

/* A copy that has died already is no reason not to resume the original. */
int canring_auxiliary_destroy_copy(struct canring_auxiliary *copy, struct canring_error *err)
{
    char answer[CANRING_ERROR_TEXT];
    struct canring_auxiliary *original;
    if (!*copy->original)
        return canring_error_set(err, -EINVAL, "auxiliary %s is no copy", copy->name);
    int result = canring_auxiliary_open(&original, copy->original, err);
    if (result == 0) {
        result = ask(original, CR_REQUEST_DESTROY_COPY, "", answer, err);
        canring_auxiliary_close(original);
    }
    canring_auxiliary_close(copy);
    return result;
}
