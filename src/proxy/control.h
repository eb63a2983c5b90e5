/* The proxy's control socket: how auxiliaries attach, and how people ask.
 *
 * A UNIX seqpacket socket <runtime dir>/<proxy>.sock. A client sends one request and gets one
 * reply. Where it attached, the connection then stays open for as long as the auxiliary lives: it
 * is the doorbell of both sides, any message being a ring, and its end is how each side learns that
 * the other has gone. No descriptor is ever handed over: what is shared by one, its flags, would
 * let an auxiliary block the proxy. Same machine, same build of the protocol: both sides check
 * `magic`.
 */
#ifndef CANRING_CONTROL_H
#define CANRING_CONTROL_H

#include <stdint.h>

#include <canring/error.h>
#include <canring/proxy.h>

#include "shm/segment.h"

#define CR_CONTROL_MAGIC 0x32434352u /* "RCC2" */
#define CR_CONTROL_CHUNK 16384u      /* bytes of a long answer per message */

enum cr_operation {
    CR_OP_ATTACH = 1,
    CR_OP_OBSERVE,
    CR_OP_STATUS,
    CR_OP_SUSPEND, /* result 0, or 1: it was suspended already */
    CR_OP_RESUME,  /* result 0, or 1: it was running already */
    CR_OP_STOP,
    CR_OP_INSTANCE /* result 1 running, 0 suspended */
};

struct cr_request {
    uint32_t magic;
    uint32_t operation; /* enum cr_operation */
    uint32_t wait;      /* enum canring_wait of the auxiliary */
    uint32_t filtered;  /* by filters, if empty ones */
    char channel[CR_SEGMENT_NAME];
    char filters[1024]; /* of an observer */
};

struct cr_reply {
    uint32_t magic;
    int32_t result; /* 0 or negative errno; STATUS: bytes of JSON that follow in messages of their
                       own */
    uint32_t proxy_parks;
    uint32_t reserved;
    char segment[CR_REGION_NAME];
    char channel[CR_SEGMENT_NAME];
    char bus[CR_SEGMENT_NAME];
    char attributes[CANRING_ATTRIBUTES_MAX];
    char text[CANRING_ERROR_TEXT]; /* when result < 0 */
};

/* Path of a proxy's socket. */
int cr_control_path(char *path, size_t size, const char *proxy, struct canring_error *err);

/* Listen; a leftover of a dead proxy is replaced. The fd, or -EEXIST when one of that name runs. */
int cr_control_listen(const char *proxy, struct canring_error *err);

/* Let other users connect to the socket that listens, for channels that have a group: its name is
 * opened to all, so whoever listens asks cr_peer_is_foreign. The runtime directory can be passed
 * through, not read: the names in it are nobody else's. */
int cr_control_share(const char *proxy, struct canring_error *err);

/* Remove the socket and the channels of a proxy that was killed; one that answers stays. */
void cr_control_remove_leftover(const char *proxy);

/* Connect to a running proxy, of another user's where $CANRING_RUNTIME_DIR is; sends and receives
 * give up after a second. The fd, or -ENOENT when it does not run. */
int cr_control_connect(const char *proxy, struct canring_error *err);

/* One request, one reply. 0 or negative errno; a reply with result < 0 is an error with the proxy's
 * text. */
int cr_control_ask(int socket, const struct cr_request *request, struct cr_reply *reply,
                   struct canring_error *err);

/* The proxy's side, never blocking. 0 or negative errno. */
int cr_control_answer(int socket, const struct cr_reply *reply);

/* Names of sockets in the runtime directory, for `visit`, with ".sock" cut off. */
int cr_control_each(void (*visit)(void *arg, const char *proxy), void *arg,
                    struct canring_error *err);

#endif
