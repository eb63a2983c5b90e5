#include "proxy/auxiliary_start.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <canring/log.h>

#include "proxy/auxiliary_object.h"
#include "proxy/auxiliary_serve.h"

struct plan {
    const struct canring_config_auxiliary *auxiliary;
    char channel[2 * CR_AUXILIARY_NAME]; /* "PROXY/CHANNEL", "" = none */
    char *config;
    char ready_text[16];
    int ready; /* the child's end */
    pid_t parent;
};

static const struct canring_config_proxy *proxy_of(const struct canring_config *config,
                                                   const struct canring_config_auxiliary *auxiliary,
                                                   const char **channel)
{
    for (size_t i = 0; i < config->proxy_count; i++)
        for (size_t j = 0; j < config->proxies[i]->channel_count; j++) {
            if (config->proxies[i]->channels[j].auxiliary != auxiliary)
                continue;
            *channel = config->proxies[i]->channels[j].connector->name;
            return config->proxies[i];
        }
    return NULL;
}

/* What a channel answers for its physical bus; the auxiliary's own keys go before. */
static void add_connector(json_t *keys, const struct canring_config_connector *connector)
{
    json_t *bus = json_object();
    if (connector->has_remote_id)
        json_object_set_new(bus, "remote_id", json_integer(connector->remote_id));
    json_object_set_new(bus, "is_extended_id", json_boolean(connector->extended_id));
    json_object_set_new(bus, "is_fd", json_boolean(connector->bus.fd));
    json_object_set_new(bus, "enable_brs", json_boolean(connector->bus.brs));
    json_object_update_missing(keys, bus);
    json_decref(bus);
}

static int make_plan(struct plan *plan, const struct canring_config *config,
                     struct canring_error *err)
{
    const struct canring_config_auxiliary *auxiliary = plan->auxiliary;
    const char *channel = "", *own = auxiliary->config_json;
    const struct canring_config_proxy *proxy = proxy_of(config, auxiliary, &channel);
    json_t *keys = json_loads(own && *own ? own : "{}", 0, NULL);
    if (proxy) {
        snprintf(plan->channel, sizeof(plan->channel), "%s/%s", proxy->name, channel);
        add_connector(keys, proxy->connector);
    }
    plan->config = keys ? json_dumps(keys, JSON_COMPACT) : NULL;
    json_decref(keys);
    if (!plan->config)
        return canring_error_set(err, -EINVAL, "its config is no JSON object");
    if (!proxy && auxiliary->kind == CANRING_AUXILIARY_COMMUNICATION)
        return canring_error_set(err, -ENODEV, "its connector is no channel of a proxy");
    return 0;
}

/* ---- in the child ------------------------------------------------------------------------- */

/* An interrupt at the terminal is the coordinator's to act on. */
static void set_signals(void)
{
    sigset_t all;
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

static int serve(const struct plan *plan, const struct canring_auxiliary_ops *ops)
{
    struct canring_auxiliary_context context = {.name = plan->auxiliary->name,
                                                .config = plan->config,
                                                .channel = *plan->channel ? plan->channel : NULL};
    canring_log_open(context.name, NULL);
    int result = cr_auxiliary_serve(ops, &context, plan->auxiliary->auto_start, plan->ready, NULL);
    canring_log_close();
    return result;
}

static int serve_object(const struct plan *plan)
{
    const struct canring_auxiliary_ops *ops;
    struct canring_error err = {0};
    int result =
        cr_auxiliary_object(plan->auxiliary->type, plan->auxiliary->class_name, &ops, &err);
    return result < 0 ? cr_auxiliary_tell(plan->ready, result, &err) : serve(plan, ops);
}

/* As canring_auxiliary_main reads them. */
static void set_environment(const struct plan *plan)
{
    setenv("CANRING_AUXILIARY", plan->auxiliary->name, 1);
    setenv("CANRING_AUXILIARY_CONFIG", plan->config, 1);
    if (*plan->channel)
        setenv("CANRING_AUXILIARY_CHANNEL", plan->channel, 1);
    else
        unsetenv("CANRING_AUXILIARY_CHANNEL");
    setenv("CANRING_AUXILIARY_AUTO_START", plan->auxiliary->auto_start ? "1" : "0", 1);
    setenv("CANRING_AUXILIARY_READY", plan->ready_text, 1);
}

static int run_executable(const struct plan *plan)
{
    const char *path = plan->auxiliary->type;
    char *copy = strdup(path);
    char *argv[] = {copy, NULL};
    struct canring_error err = {0};
    if (copy) {
        set_environment(plan);
        fcntl(plan->ready, F_SETFD, 0);
        execv(path, argv);
        free(copy);
    }
    int result = -errno;
    canring_error_set(&err, result, "auxiliary %s: cannot run %s: %s", plan->auxiliary->name, path,
                      strerror(-result));
    return cr_auxiliary_tell(plan->ready, result, &err);
}

static int be(const struct plan *plan)
{
    /* Whatever happens to the coordinator, its auxiliaries end with it. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != plan->parent)
        return -ECHILD;
    set_signals();
    /* Before anything of the auxiliary's own; all but locked memory outlives an exec. */
    struct canring_error err = {0};
    int result = canring_latency_apply(&plan->auxiliary->latency.thread, &err);
    if (result < 0) {
        canring_error_prefix(&err, "auxiliary %s", plan->auxiliary->name);
        return cr_auxiliary_tell(plan->ready, result, &err);
    }
    if (plan->auxiliary->kind == CANRING_AUXILIARY_SHARED_OBJECT)
        return serve_object(plan);
    if (plan->auxiliary->kind == CANRING_AUXILIARY_EXECUTABLE)
        return run_executable(plan);
    return serve(plan, &canring_communication_ops);
}

/* ---- in the coordinator ------------------------------------------------------------------- */

static int spawn(struct plan *plan, pid_t *pid, struct canring_error *err)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return canring_error_set(err, -errno, "pipe: %s", strerror(errno));
    plan->ready = ready[1];
    plan->parent = getpid();
    snprintf(plan->ready_text, sizeof(plan->ready_text), "%d", ready[1]);
    *pid = fork();
    if (*pid == 0) {
        close(ready[0]);
        _exit(be(plan) < 0 ? EXIT_FAILURE : 0);
    }
    close(ready[1]);
    int result = *pid < 0 ? canring_error_set(err, -errno, "fork: %s", strerror(errno))
                          : cr_auxiliary_await(ready[0], plan->auxiliary->name, err);
    close(ready[0]);
    if (result < 0 && *pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
        cr_auxiliary_ended(plan->auxiliary);
    }
    if (result < 0)
        *pid = 0;
    return result;
}

int cr_auxiliary_start(const struct canring_config *config,
                       const struct canring_config_auxiliary *auxiliary, pid_t *pid,
                       struct canring_error *err)
{
    struct plan plan = {.auxiliary = auxiliary, .ready = -1};
    *pid = 0;
    if (auxiliary->kind == CANRING_AUXILIARY_PROXY || auxiliary->kind == CANRING_AUXILIARY_MP_PROXY)
        return canring_error_set(err, -EINVAL, "%s is a proxy", auxiliary->name);
    int result = make_plan(&plan, config, err);
    if (result == 0)
        result = spawn(&plan, pid, err);
    free(plan.config);
    return result;
}

void cr_auxiliary_ended(const struct canring_config_auxiliary *auxiliary)
{
    cr_auxiliary_shared_clean(auxiliary->name);
}
