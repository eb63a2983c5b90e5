/* The auxiliary's process, inside: what its parts share.
 *
 * auxiliary_serve.c is its loop, auxiliary_answer.c what it does with each request,
 * auxiliary_copy.c its copies. All of it runs on the one thread that serves.
 */
#ifndef CANRING_AUXILIARY_SERVE_H
#define CANRING_AUXILIARY_SERVE_H

#include <sys/types.h>

#include "proxy/auxiliary_message.h"
#include "proxy/auxiliary_shared.h"

struct cr_auxiliary_server {
    const struct canring_auxiliary_ops *ops;
    struct canring_auxiliary_context *context;
    struct cr_auxiliary_shared shared;
    struct canring_consumer requests;
    struct canring_producer replies, reports;
    struct cr_assembly in;
    bool instance, stopped;
    bool reports_full; /* nothing is received until somebody reads reports */
    uint64_t report_id;
    pid_t copy; /* 0 = none */
    unsigned copies;
    bool resume; /* there was an instance when the copy was made */
};

/* What went well or wrong at the start, as a child tells its parent through a pipe. */
struct cr_auxiliary_readiness {
    int32_t result;
    char text[CANRING_ERROR_TEXT];
};

/* canring_auxiliary_serve that tells `ready` (-1 = nobody) when it serves or has failed, and closes
 * it. */
int cr_auxiliary_serve(const struct canring_auxiliary_ops *ops,
                       struct canring_auxiliary_context *context, bool auto_start, int ready,
                       struct canring_error *err);

/* The same for a failure before that: tells `ready` and closes it. Returns `result`. */
int cr_auxiliary_tell(int ready, int result, const struct canring_error *err);

/* The parent's side: wait until the child that holds the other end of `ready` serves. 0 or what it
 * said; -ECHILD it ended without a word; -ETIMEDOUT it has said nothing for 30 s. */
int cr_auxiliary_await(int ready, const char *name, struct canring_error *err);

/* Handle and answer the request in server->in. */
void cr_auxiliary_answer(struct cr_auxiliary_server *server);
int cr_auxiliary_create(struct cr_auxiliary_server *server);
int cr_auxiliary_delete(struct cr_auxiliary_server *server);

/* Copies: 0 and the copy's name in `name`, or a negative errno. */
int cr_auxiliary_copy(struct cr_auxiliary_server *server, const char *config,
                      char name[CR_AUXILIARY_NAME], struct canring_error *err);
int cr_auxiliary_copy_end(struct cr_auxiliary_server *server, struct canring_error *err);

/* For an implementation inside the library: something to receive has arrived. */
void cr_auxiliary_arrived(void);

#endif
