#include "proxy/launch_trace.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "can/trace/format.h"
#include "proxy/config_trace.h"

#define TRIES 1000 /* names, for traces of one second that are called alike, and for given ones */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* As in the original, a trace is made in any case. */
static const char *folder(const char *wanted, const char *key, cr_launch_report *report, void *arg)
{
    char words[CANRING_ERROR_TEXT];

    if (!wanted || is_folder(wanted))
        return wanted ? wanted : ".";
    snprintf(words, sizeof(words), "%s '%.300s' is no folder: the trace goes to the current one",
             key, wanted);
    if (report)
        report(arg, LOG_WARNING, words);
    return ".";
}

static const char *format_ending(const char *format)
{
    const struct cr_trace_format *found = cr_trace_format_named(format, NULL);
    return found ? found->endings[0] : "";
}

static const char *packed_ending(const struct canring_config_trace *trace)
{
    switch (trace->compression) {
    case CANRING_CONFIG_COMPRESSION_GZ:
        return ".gz";
    case CANRING_CONFIG_COMPRESSION_ZST:
        return ".zst";
    default:
        return "";
    }
}

static void set_options(struct cr_launch_trace *out, const struct canring_config_trace *trace,
                        const char *format)
{
    bool automatic = trace->compression == CANRING_CONFIG_COMPRESSION_AUTO;

    out->recording = (struct canring_recording){
        .path = out->path,
        .reserve = trace->reserve,
        .trigger = trace->trigger,
        .writer = {.format = format,
                   .compression = automatic ? NULL : cr_trace_compressions[trace->compression],
                   .time_digits = trace->digits,
                   .rotate_bytes = trace->rotate_bytes ? trace->rotate_bytes
                                                       : trace->size_mb * UINT64_C(1000000),
                   .rotate_ns = trace->rotate_ns,
                   .rotate_frames = trace->rotate_frames,
                   .keep = trace->keep,
                   .flush_ns = trace->flush_ns,
                   .sync_ns = trace->sync_ns,
                   .pretrigger_ns = trace->pretrigger_ns}};
}

/* A name that nobody has yet: `stem`, then `stem`_2 and so on. Without one the last is kept, and
 * opening it says what is wrong. */
static void choose_path(struct cr_launch_trace *out, const char *stem, const char *ending)
{
    for (unsigned i = 1; i <= TRIES; i++) {
        if (i == 1)
            snprintf(out->path, sizeof(out->path), "%s%s", stem, ending);
        else
            snprintf(out->path, sizeof(out->path), "%s_%u%s", stem, i, ending);
        if (access(out->path, F_OK) < 0)
            return;
    }
}

/* pykiso's name: date, time, and a name. */
static void stamped(struct cr_launch_trace *out, const struct canring_config_trace *trace,
                    const char *dir, const char *name, const char *format)
{
    char stamp[32], stem[PATH_MAX - 64], ending[32];
    time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H-%M-%S", &local);
    snprintf(stem, sizeof(stem), "%s/%s_%s", dir, stamp, name);
    snprintf(ending, sizeof(ending), "%s%s", format_ending(format), packed_ending(trace));
    choose_path(out, stem, ending);
    set_options(out, trace, format);
}

bool cr_launch_trace_proxy(struct cr_launch_trace *out, const struct canring_config_proxy *proxy,
                           cr_launch_report *report, void *report_arg)
{
    const struct canring_config_trace *trace = &proxy->trace;

    if (!trace->active)
        return false;
    stamped(out, trace, folder(trace->dir, "trace_dir", report, report_arg),
            trace->name ? trace->name : "proxy_logging", trace->format ? trace->format : "candump");
    return true;
}

/* A file that was named as a whole: what its name ends in says what it is. */
static void named(struct cr_launch_trace *out, const struct canring_config_trace *trace,
                  const char *path)
{
    const struct cr_trace_format *format = cr_trace_format_by_ending(path);
    const char *name = trace->format ? trace->format : format ? format->name : "trc";
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash + 1 : path, '.');
    char stem[PATH_MAX - 64], ending[32];

    if (format && dot && (strcmp(dot, ".gz") == 0 || strcmp(dot, ".zst") == 0))
        while (dot > path && *--dot != '.')
            ;
    size_t length = format && dot ? (size_t)(dot - path) : strlen(path);
    snprintf(stem, sizeof(stem), "%.*s", (int)length, path);
    if (format)
        snprintf(ending, sizeof(ending), "%s", path + length);
    else
        snprintf(ending, sizeof(ending), "%s%s", format_ending(name), packed_ending(trace));
    choose_path(out, stem, ending);
    set_options(out, trace, name);
}

bool cr_launch_trace_connector(struct cr_launch_trace *out,
                               const struct canring_config_connector *connector,
                               cr_launch_report *report, void *report_arg)
{
    const struct canring_config_trace *trace = &connector->trace;
    bool device = connector->bus.interface && strcmp(connector->bus.interface, "pcan") == 0;
    const char *key = connector->kind == CANRING_CONNECTOR_PCAN ? "trace_path" : "log_path";
    char path[PATH_MAX - 64];

    if (!trace->active || (trace->implied && !device))
        return false;
    if (trace->dir && !is_folder(trace->dir) && cr_trace_format_by_ending(trace->dir)) {
        named(out, trace, trace->dir);
        return true;
    }
    const char *dir = folder(trace->dir, key, report, report_arg);
    if (trace->name) {
        snprintf(path, sizeof(path), "%s/%s", dir, trace->name);
        named(out, trace, path);
    } else {
        stamped(out, trace, dir, connector->name, trace->format ? trace->format : "trc");
    }
    return true;
}
