/* The `latency` map of an auxiliary or a proxy.
 *
 * For config_auxiliary, which finds it among the other keys. Checks what can be checked without
 * asking the kernel; whether it gives what is asked for is known when the process starts.
 */
#ifndef CR_CONFIG_LATENCY_H
#define CR_CONFIG_LATENCY_H

#include "proxy/config_build.h"

/* `node` NULL: nothing is asked for. Errors are said; -ENOMEM. */
int cr_build_latency(struct cr_build *build, struct canring_config_latency *latency,
                     const struct cr_yaml_node *node, enum canring_auxiliary_kind kind,
                     enum canring_wait wait);

/* Once a proxy has its channels: what its latency asks of their rings and of its bus. Errors are
 * said at `at`. */
void cr_check_proxy_latency(struct cr_build *build, const struct canring_config_proxy *proxy,
                            const struct cr_yaml_node *at);

#endif
