/* A proxy in a process of its own, and channels of it, for the benches that go through one.
 *
 * What a bench measures is its own matter: the proxy runs with the options that it is given, and
 * nothing here runs while frames flow. A failure ends the bench with a word.
 */
#ifndef CANRING_BENCH_PROXY_PROCESS_H
#define CANRING_BENCH_PROXY_PROCESS_H

#include <sys/resource.h>
#include <sys/types.h>

#include <canring/channel.h>
#include <canring/proxy.h>

/* Proxies from here on in a folder of their own. What is left of them is removed when the bench
 * ends, also by SIGINT or SIGTERM: so the caller goes on in another process. */
void proxy_process_folder(void);

/* Channels "c0", "c1", …: overwritten by the next call. */
#define PROXY_PROCESS_CHANNELS_MAX 64u
const struct canring_channel_config *proxy_process_channels(unsigned count);

/* Serve a proxy on processor `cpu` (negative: on any) until proxy_process_end, at the latest until
 * the caller ends. Returns when its channels can be attached. When it cannot be opened: -1 and the
 * reason in *err; the end of the bench if `err` is NULL. */
pid_t proxy_process_start(const struct canring_proxy_options *options, int cpu,
                          struct canring_error *err);
/* `used` may be NULL. */
void proxy_process_end(pid_t proxy, struct rusage *used);

struct canring_channel *proxy_process_attach(const char *name, enum canring_wait wait);
/* All of `count` channels that proxy_process_channels named. */
void proxy_process_attach_all(struct canring_channel **channels, const char *proxy, unsigned count,
                              enum canring_wait wait);
void proxy_process_detach_all(struct canring_channel **channels, unsigned count);

#endif
