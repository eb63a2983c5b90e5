/* From what a configuration says about a trace to the recording that is to be made.
 *
 * Used by launch.c when a proxy is opened. Looks which files there are; creates none.
 */
#ifndef CANRING_LAUNCH_TRACE_H
#define CANRING_LAUNCH_TRACE_H

#include <canring/config.h>
#include <limits.h>

struct cr_launch_trace {
    struct canring_recording recording; /* recording.path is `path` */
    char path[PATH_MAX];
};

typedef void cr_launch_report(void *arg, int level, const char *text);

/* Of a proxy, and of its connector: false when none is to be made. A folder that does not exist is
 * said and replaced by the current one. */
bool cr_launch_trace_proxy(struct cr_launch_trace *trace, const struct canring_config_proxy *proxy,
                           cr_launch_report *report, void *report_arg);
bool cr_launch_trace_connector(struct cr_launch_trace *trace,
                               const struct canring_config_connector *connector,
                               cr_launch_report *report, void *report_arg);

#endif
