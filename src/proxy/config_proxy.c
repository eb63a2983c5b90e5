/* Who serves whom: channels of the proxies that the file has, and the proxies that it implies. */
#include <errno.h>
#include <string.h>

#include "proxy/config_connector.h"
#include "proxy/config_latency.h"
#include "proxy/config_link.h"

static bool is_channel(const struct canring_config_connector *connector)
{
    return connector->kind == CANRING_CONNECTOR_MP_PROXY ||
           connector->kind == CANRING_CONNECTOR_PROXY;
}

static int add_channel(struct cr_build *build, struct canring_config_proxy *proxy,
                       const struct canring_config_auxiliary *auxiliary,
                       const struct canring_config_connector *connector,
                       const struct cr_yaml_node *at)
{
    struct canring_config_proxy_channel *list =
        cr_arena_grow(build->arena, proxy->channels, proxy->channel_count, sizeof(*list));

    if (!list)
        return -ENOMEM;
    proxy->channels = list;
    if (proxy->channel_count == CANRING_CHANNELS_MAX) /* said once */
        cr_error(build, at, "'%s' is one channel too many for the proxy '%s', allowed: %u",
                 auxiliary->name, proxy->name, CANRING_CHANNELS_MAX);
    list[proxy->channel_count++] = (struct canring_config_proxy_channel){connector, auxiliary};
    return 0;
}

static const struct canring_config_proxy *
proxy_serving(const struct canring_config *config, const struct canring_config_auxiliary *auxiliary)
{
    for (size_t i = 0; i < config->proxy_count; i++) {
        for (size_t j = 0; j < config->proxies[i]->channel_count; j++) {
            if (config->proxies[i]->channels[j].auxiliary == auxiliary)
                return config->proxies[i];
        }
    }
    return NULL;
}

static const struct canring_config_proxy *
proxy_owning(const struct canring_config *config, const struct canring_config_connector *connector)
{
    for (size_t i = 0; i < config->proxy_count; i++) {
        if (config->proxies[i]->connector == connector)
            return config->proxies[i];
    }
    return NULL;
}

/* The original logs this and goes on, so it must not stop a file that works there. */
static void say_no_auxiliary(struct cr_build *build, const struct cr_yaml_node *at)
{
    const char *nearest = cr_named_nearest(build, at->text);

    cr_diagnostics_add(
        build->diagnostics, CANRING_SEVERITY_CONTINUED, at->at,
        "aux_list: there is no auxiliary '%.100s', the proxy goes on without it%s%s%s", at->text,
        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* Why `member` cannot be a channel of `proxy`; both are named. False when it can. */
static bool refuse_member(struct cr_build *build, const struct cr_named_aux *proxy,
                          const struct cr_named_aux *member, const struct cr_yaml_node *at)
{
    const char *name = member->name->text, *proxy_name = proxy->name->text;
    const struct canring_config_connector *com = member->auxiliary->com;
    const struct canring_config_proxy *other = proxy_serving(build->config, member->auxiliary);

    if (member->proxy || member->not_capable) {
        cr_error(build, at, "aux_list: '%s' %s, it cannot be proxied by '%s'", name,
                 member->proxy ? "is a proxy itself" : "says 'is_proxy_capable: false'",
                 proxy_name);
        return true;
    }
    if (other) {
        cr_error(build, at,
                 "aux_list: '%s' is in the list of '%s' already, found it in that of '%s'", name,
                 other->name, proxy_name);
        return true;
    }
    if (!com || !com->type)
        return true; /* what is missing there has been reported */
    bool mp_only = proxy->auxiliary->kind == CANRING_AUXILIARY_MP_PROXY;
    if (mp_only ? com->kind != CANRING_CONNECTOR_MP_PROXY : !is_channel(com)) {
        cr_error(build, at,
                 "aux_list: '%s' cannot be proxied by '%s': its connector '%s' is a %s, "
                 "allowed: %s",
                 name, proxy_name, com->name, com->type,
                 mp_only ? "CCMpProxy" : "CCMpProxy, CCProxy");
        return true;
    }
    return false;
}

static int add_member(struct cr_build *build, const struct cr_named_aux *proxy,
                      const struct cr_yaml_node *at)
{
    if (at->type != CR_YAML_STRING) {
        cr_error(build, at, "aux_list: found %s, allowed: the name of an auxiliary",
                 cr_yaml_type_name(at->type));
        return 0;
    }
    const struct cr_named_aux *member = cr_named_find(build, at->text);
    if (!member) {
        say_no_auxiliary(build, at);
        return 0;
    }
    if (!cr_named_usable(member) || refuse_member(build, proxy, member, at))
        return 0;
    return add_channel(build, proxy->proxy, member->auxiliary, member->auxiliary->com, at);
}

static int add_members(struct cr_build *build, const struct cr_named_aux *proxy)
{
    const struct cr_yaml_node *list = proxy->aux_list;
    int err = 0;

    if (list && list->type != CR_YAML_LIST) {
        cr_error(build, list, "aux_list: found %s, allowed: a list of auxiliaries",
                 cr_yaml_type_name(list->type));
        return 0;
    }
    for (size_t i = 0; list && i < list->list.count && !err; i++)
        err = add_member(build, proxy, list->list.items[i]);
    return err;
}

static void give_bus(struct cr_build *build, const struct cr_named_aux *named)
{
    const struct canring_config_connector *com = named->auxiliary->com;

    if (!com)
        return;
    const struct canring_config_proxy *other = proxy_owning(build->config, com);
    if (is_channel(com) || (com->kind == CANRING_CONNECTOR_CUSTOM && com->type))
        cr_error(build, named->name, "the proxy '%s' needs a bus, its connector '%s' is a %s",
                 named->name->text, com->name, com->type);
    else if (other)
        cr_error(build, named->name, "the bus '%s' belongs to the proxy '%s', found it in '%s' too",
                 com->name, other->name, named->name->text);
    else
        named->proxy->connector = canring_config_connector(build->config, com->name);
}

static bool name_is_free(struct cr_build *build, const struct cr_yaml_node *at, const char *name)
{
    if (!cr_named_find(build, name) && !canring_config_connector(build->config, name) &&
        !canring_config_proxy(build->config, name))
        return true;
    cr_error(build, at, "the name '%s' is needed for an implicit proxy, but is taken", name);
    return false;
}

/* Put a channel of the proxy's where the auxiliary named the bus. */
static int join(struct cr_build *build, struct canring_config_proxy *proxy,
                struct cr_named_aux *named)
{
    struct canring_config_auxiliary *auxiliary = named->auxiliary;
    const char *name = cr_arena_print(build->arena, "proxy_channel_%s", auxiliary->name);

    if (!name)
        return -ENOMEM;
    if (named->not_capable) {
        cr_error(build, named->name, "'%s' says 'is_proxy_capable: false', but shares '%s'",
                 auxiliary->name, proxy->connector->name);
        return 0;
    }
    if (!name_is_free(build, named->name, name))
        return 0;
    struct canring_config_connector *channel =
        cr_build_connector(build, name, CANRING_CONNECTOR_MP_PROXY);
    if (!channel)
        return -ENOMEM;
    channel->type = "CCMpProxy";
    channel->implicit = true;
    channel->processing = true;
    for (size_t i = 0; i < auxiliary->link_count; i++) {
        if (auxiliary->links[i].connector == proxy->connector)
            auxiliary->links[i].connector = channel;
    }
    if (auxiliary->com == proxy->connector)
        auxiliary->com = channel;
    return add_channel(build, proxy, auxiliary, channel, named->name);
}

static int make_proxy(struct cr_build *build, struct canring_config_connector *connector,
                      const struct cr_named_aux *first, struct canring_config_proxy **made)
{
    struct canring_config *config = build->config;
    const char *name = cr_arena_print(build->arena, "proxy_aux_%s", connector->name);
    struct canring_config_proxy *proxy = cr_arena_new(build->arena, 1, sizeof(*proxy));
    struct canring_config_proxy **list = cr_arena_grow(
        build->arena, config->proxies, config->proxy_count, sizeof(struct canring_config_proxy *));

    if (!name || !proxy || !list)
        return -ENOMEM;
    config->proxies = list;
    *made = NULL;
    if (!name_is_free(build, first->name, name))
        return 0;
    *proxy = (struct canring_config_proxy){.name = name,
                                           .implicit = true,
                                           .connector = connector,
                                           .on_failure = CANRING_ON_FAILURE_END};
    list[config->proxy_count++] = proxy;
    *made = proxy;
    return 0;
}

/* Auxiliaries, not proxies, that name this connector; the first one in *first. */
static size_t count_users(const struct cr_build *build,
                          const struct canring_config_connector *connector,
                          const struct cr_named_aux **first)
{
    size_t count = 0;

    for (size_t i = 0; i < build->named_count; i++) {
        const struct cr_named_aux *named = &build->named[i];
        if (named->proxy || !cr_named_usable(named) || !cr_named_uses(named, connector))
            continue;
        if (count++ == 0)
            *first = named;
    }
    return count;
}

static int join_users(struct cr_build *build, struct canring_config_proxy *proxy, bool explicit)
{
    int err = 0;

    for (size_t i = 0; i < build->named_count && !err; i++) {
        struct cr_named_aux *named = &build->named[i];
        if (named->proxy || !cr_named_usable(named) || !cr_named_uses(named, proxy->connector) ||
            proxy_serving(build->config, named->auxiliary))
            continue;
        if (explicit)
            cr_warning(build, named->name,
                       "'%s' shares '%s' with the proxy '%s' and becomes a channel of it",
                       named->auxiliary->name, proxy->connector->name, proxy->name);
        proxy->auto_start |= named->auxiliary->auto_start && !explicit;
        err = join(build, proxy, named);
    }
    return err;
}

static void say_shared(struct cr_build *build, const struct canring_config_connector *connector,
                       const struct cr_named_aux *first)
{
    cr_error(build, first->name,
             "the connector '%s' (%s) is named by several auxiliaries, '%s' "
             "among them; allowed: one each, buses can be shared",
             connector->name, connector->type, first->name->text);
}

/* Ours has no other way to a bus; what users bring may open theirs themselves. */
static bool speaks_through_proxy(const struct cr_named_aux *named,
                                 const struct canring_config_connector *connector)
{
    return named->auxiliary->kind == CANRING_AUXILIARY_COMMUNICATION &&
           cr_connector_is_bus(connector->kind);
}

static int share(struct cr_build *build, struct canring_config_connector *connector)
{
    const struct cr_named_aux *first = NULL;
    struct canring_config_proxy *proxy = NULL;
    size_t users = count_users(build, connector, &first);
    const struct canring_config_proxy *owner = proxy_owning(build->config, connector);

    if (users == 0 || (users == 1 && !owner && !speaks_through_proxy(first, connector)))
        return 0;
    if (!cr_connector_is_bus(connector->kind)) {
        if (connector->type)
            say_shared(build, connector, first);
        return 0;
    }
    if (owner)
        return join_users(build, canring_config_proxy(build->config, owner->name), true);
    int err = make_proxy(build, connector, first, &proxy);
    return err || !proxy ? err : join_users(build, proxy, false);
}

static void warn_unserved(struct cr_build *build)
{
    for (size_t i = 0; i < build->named_count; i++) {
        const struct cr_named_aux *named = &build->named[i];
        const struct canring_config_connector *com =
            cr_named_usable(named) ? named->auxiliary->com : NULL;
        if (com && is_channel(com) && !named->proxy &&
            !proxy_serving(build->config, named->auxiliary))
            cr_warning(build, named->name,
                       "'%s' is connected to '%s', but no proxy has it in its aux_list",
                       named->name->text, com->name);
    }
}

int cr_build_proxies(struct cr_build *build)
{
    int err = cr_link_all(build);
    size_t connectors = build->config->connector_count;

    for (size_t i = 0; i < build->named_count && !err; i++) {
        if (!build->named[i].proxy)
            continue;
        give_bus(build, &build->named[i]);
        err = add_members(build, &build->named[i]);
    }
    for (size_t i = 0; i < connectors && !err; i++)
        err = share(build, build->config->connectors[i]);
    if (err)
        return err;
    for (size_t i = 0; i < build->named_count; i++)
        if (build->named[i].proxy)
            cr_check_proxy_latency(build, build->named[i].proxy, build->named[i].name);
    warn_unserved(build);
    return 0;
}
