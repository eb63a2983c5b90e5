/* A configuration: who shares which bus, read from a YAML file in pykiso's format.
 *
 * Loaded once by the coordinator, the proxy and the tools, checked as a whole, then only
 * read. The format is canring-config(5). Loading reads files and the environment; it opens
 * no bus, starts nothing and prints nothing. Not shared between threads while it is changed.
 */
#ifndef CANRING_CONFIG_H
#define CANRING_CONFIG_H

#include <canring/bus.h>
#include <canring/diagnostics.h>
#include <canring/error.h>
#include <canring/proxy.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ring slots of a channel: a power of two. */
#define CANRING_CONFIG_SLOTS_MIN     128u
#define CANRING_CONFIG_SLOTS_MAX     CANRING_RING_SLOTS_MAX
#define CANRING_CONFIG_SLOTS_DEFAULT 16384u
#define CANRING_CONFIG_SPILL_DEFAULT 65536u /* frames */

enum canring_config_log_level {
    CANRING_CONFIG_LOG_INHERIT, /* that of the command line */
    CANRING_CONFIG_LOG_DEBUG,
    CANRING_CONFIG_LOG_INFO,
    CANRING_CONFIG_LOG_WARNING,
    CANRING_CONFIG_LOG_ERROR,
    CANRING_CONFIG_LOG_CRITICAL
};

enum canring_connector_kind {
    CANRING_CONNECTOR_PROXY,    /* CCProxy */
    CANRING_CONNECTOR_MP_PROXY, /* CCMpProxy */
    CANRING_CONNECTOR_PCAN,     /* this and the following are buses, up to CUSTOM */
    CANRING_CONNECTOR_SOCKETCAN,
    CANRING_CONNECTOR_VIRTUAL,
    CANRING_CONNECTOR_UDP_MULTICAST,
    CANRING_CONNECTOR_REPLAY,
    CANRING_CONNECTOR_CUSTOM /* a shared object or an executable of the user's */
};

enum canring_auxiliary_kind {
    CANRING_AUXILIARY_MP_PROXY,
    CANRING_AUXILIARY_PROXY,
    CANRING_AUXILIARY_COMMUNICATION,
    CANRING_AUXILIARY_SHARED_OBJECT, /* `type` is the path, `class_name` what follows the ':' */
    CANRING_AUXILIARY_EXECUTABLE
};

/* What the coordinator does when a process ends that should not. */
enum canring_on_failure {
    CANRING_ON_FAILURE_REPORT,  /* say so and go on: the default of auxiliaries */
    CANRING_ON_FAILURE_RESTART, /* start it again, at longer and longer intervals */
    CANRING_ON_FAILURE_END      /* end the run: the default of proxies */
};

enum canring_config_compression {
    CANRING_CONFIG_COMPRESSION_AUTO, /* what the ending of the file's name says */
    CANRING_CONFIG_COMPRESSION_NONE,
    CANRING_CONFIG_COMPRESSION_GZ,
    CANRING_CONFIG_COMPRESSION_ZST
};

/* A recording to be made; what the numbers mean is said in <canring/trace_writer.h>, 0 = not given.
 */
struct canring_config_trace {
    bool active;
    bool implied;       /* by default, not by a key: of the device itself, not of a stand-in */
    const char *dir;    /* NULL = where the program was started; of a bus also a file */
    const char *name;   /* of a proxy: without extension; NULL = default */
    uint32_t size_mb;   /* of one file, 10^6 bytes each; 0 = unbounded */
    const char *format; /* NULL = candump of a proxy, trc of a bus, or what its name says */
    enum canring_config_compression compression;
    uint32_t digits;
    uint64_t rotate_bytes, rotate_ns, rotate_frames;
    uint32_t keep;
    uint64_t flush_ns, sync_ns;
    uint64_t reserve; /* bytes that wait when the disk does not follow */
    uint64_t pretrigger_ns;
    struct canring_filters trigger; /* empty: written from the start */
};

/* What is asked of the kernel for speed; an auxiliary has `thread` alone. */
struct canring_config_latency {
    struct canring_latency thread;
    uint32_t busy_poll, socket_busy_poll, coalesce; /* us */
    bool huge_pages, sqpoll;
};

/* How a channel of a proxy behaves. */
struct canring_config_channel {
    struct canring_filters filters; /* towards the auxiliary */
    uint32_t ring_slots;
    uint32_t spill_limit; /* frames */
    enum canring_overflow overflow;
    enum canring_wait wait; /* the auxiliary's side */
    const char *group;      /* Unix group that may attach; NULL = the user alone */
};

struct canring_config_connector {
    const char *name;
    const char *type; /* as written */
    enum canring_connector_kind kind;
    bool processing;
    bool implicit; /* not in the file: the channel of an implicit proxy */

    /* Buses. */
    struct canring_bus_options bus;
    bool has_remote_id;
    uint32_t remote_id;   /* id of messages sent without one; no CANRING_ID_ bits */
    bool extended_id;     /* messages are sent with 29-bit ids */
    const char *netdev;   /* PCAN: overrides the interface that `channel` stands for */
    bool quiet_bus_error; /* bus_error_warning_filter */
    struct canring_config_trace trace;

    /* CCProxy, CCMpProxy. */
    struct canring_config_channel channel;

    const char *config_json; /* CUSTOM: its `config` as a JSON object */

    const char *file; /* where it stands */
    unsigned line, column;
};

struct canring_config_link {
    const char *role; /* "com" */
    const struct canring_config_connector *connector;
};

struct canring_config_auxiliary {
    const char *name;
    const char *type;       /* as written; of the user's own kinds: the path, resolved */
    const char *class_name; /* behind the last ':' of the type, "" when there is none */
    enum canring_auxiliary_kind kind;
    bool auto_start;
    enum canring_config_log_level log_level;
    enum canring_on_failure on_failure;
    struct canring_config_latency latency;
    const char **activate_log;
    size_t activate_log_count;
    struct canring_config_link *links;
    size_t link_count;
    const struct canring_config_connector *com; /* that of the role "com", or NULL */
    const char *config_json;                    /* its whole `config` as a JSON object */
    const char *file;
    unsigned line, column;
};

/* One auxiliary served by a proxy. */
struct canring_config_proxy_channel {
    const struct canring_config_connector *connector; /* its name and its `channel` */
    const struct canring_config_auxiliary *auxiliary;
};

struct canring_config_proxy {
    const char *name;
    bool auto_start;
    bool implicit;                              /* made because auxiliaries share a connector */
    const char *type;                           /* as written; NULL when implicit */
    struct canring_config_connector *connector; /* the bus: connector->bus */
    struct canring_config_proxy_channel *channels;
    size_t channel_count;
    struct canring_config_trace trace;
    const char **activate_log; /* logger names */
    size_t activate_log_count;
    enum canring_wait wait; /* the proxy's side */
    struct canring_config_latency latency;
    enum canring_config_log_level log_level;
    enum canring_on_failure on_failure;
};

struct canring_config_suite {
    const char *dir;
    const char *pattern;
    int64_t id;
};

/* Everything is owned by the configuration and lives until canring_config_free. */
struct canring_config {
    const char *path;
    struct canring_config_connector **connectors;
    size_t connector_count;
    struct canring_config_auxiliary **auxiliaries; /* without the proxies */
    size_t auxiliary_count;
    struct canring_config_proxy **proxies;
    size_t proxy_count;
    struct canring_config_suite *suites;
    size_t suite_count;
    void *internal;
};

/* Load and check. 0: usable, *config is to be freed, `diagnostics` may still hold warnings and
 * continued errors. Otherwise *config is NULL and the diagnostics say why: -EINVAL the content,
 * -ENOMEM, others as the kernel refused the file. Reads files and the environment. */
int canring_config_load(struct canring_config **config, const char *path,
                        struct canring_diagnostics *diagnostics);
/* The same from memory; `name` stands in messages, and its folder is where includes are. */
int canring_config_load_memory(struct canring_config **config, const char *name, const char *data,
                               size_t size, struct canring_diagnostics *diagnostics);
/* NULL is allowed. */
void canring_config_free(struct canring_config *config);

/* Connect `connector` to another bus: `target` as canring_bus_target_parse takes it. What it
 * says replaces interface and channel, the rest of the options stays. -ENOENT no such connector
 * (the nearest is in the text), -EINVAL not a bus or not a target, -ENOMEM. */
int canring_config_override_bus(struct canring_config *config, const char *connector,
                                const char *target, struct canring_error *err);

/* Lookups by name; NULL when there is none. */
struct canring_config_connector *canring_config_connector(const struct canring_config *config,
                                                          const char *name);
struct canring_config_auxiliary *canring_config_auxiliary(const struct canring_config *config,
                                                          const char *name);
struct canring_config_proxy *canring_config_proxy(const struct canring_config *config,
                                                  const char *name);

/* Open the proxy that the configuration describes, as canring_proxy_open does; its trace, if it has
 * one, is named by the time and trace_name, in trace_dir. `report` as in struct
 * canring_proxy_options, `bus_arg` is its argument for what the bus says. Nothing of the
 * configuration is kept. */
int canring_config_open_proxy(struct canring_proxy **proxy,
                              const struct canring_config_proxy *config,
                              void (*report)(void *arg, int level, const char *text),
                              void *report_arg, void *bus_arg, struct canring_error *err);

/* The resolved configuration with all defaults (left out when `config` is NULL) and the
 * diagnostics (likewise), as one JSON object with a newline. The caller frees *text. -EILSEQ a name
 * of a file is not UTF-8, -ENOMEM. */
int canring_config_json(const struct canring_config *config,
                        const struct canring_diagnostics *diagnostics, char **text);

#ifdef __cplusplus
}
#endif
#endif
