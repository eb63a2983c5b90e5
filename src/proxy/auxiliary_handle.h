/* A caller's handle, inside: what the files of the caller's side share.
 *
 * auxiliary_handle.c opens, closes, and finds its way back to an auxiliary that was restarted;
 * auxiliary_call.c makes requests; auxiliary_proxy.c does what a proxy can do of it. Any thread
 * may call; nothing here is used by the auxiliary's own process.
 */
#ifndef CANRING_AUXILIARY_HANDLE_H
#define CANRING_AUXILIARY_HANDLE_H

#include <pthread.h>

#include "proxy/auxiliary_message.h"
#include "proxy/auxiliary_shared.h"

#define CR_ALIVE_CHECK_NS UINT64_C(100000000) /* between looks whether the auxiliary lives */

/* One process of the auxiliary, as attached to. Stays mapped while a thread uses it or holds a lock
 * in it. */
struct cr_auxiliary_link {
    struct cr_auxiliary_link *next;
    struct cr_auxiliary_shared shared;
    unsigned users; /* calls in progress and locks held */
};

struct canring_auxiliary {
    char name[CR_AUXILIARY_NAME];
    bool proxy;                       /* it is a proxy's name */
    char original[CR_AUXILIARY_NAME]; /* of a copy */
    pthread_mutex_t guard;            /* of what follows */
    struct cr_auxiliary_link *links;  /* the first is the current one, if it is not dead */
    bool dead;
};

/* The current process, in use until released. -EPIPE when there is none. `fresh`: make sure that it
 * lives, which costs a system call. */
int cr_auxiliary_use(struct canring_auxiliary *auxiliary, bool fresh,
                     struct cr_auxiliary_link **link);
void cr_auxiliary_release(struct canring_auxiliary *auxiliary, struct cr_auxiliary_link *link);

/* It was found dead: the next use looks for another. Removes what a killed one left. */
void cr_auxiliary_lost(struct canring_auxiliary *auxiliary, struct cr_auxiliary_link *link);

/* End of a time in seconds, negative = for ever. */
uint64_t cr_auxiliary_deadline(double timeout_s);
/* Until then, at most until the next look whether the auxiliary lives; 0 = it is over. */
uint64_t cr_auxiliary_slice(uint64_t deadline);

/* Take a lock until `deadline`, as long as the auxiliary lives: 1, 0, -EPIPE. */
int cr_auxiliary_take(struct cr_auxiliary_link *link, struct cr_lock *lock, uint64_t deadline);

/* One request. */
struct cr_auxiliary_call {
    uint16_t kind; /* with CR_REQUEST_NO_REPLY: is posted */
    struct cr_part parts[2];
    uint64_t deadline;
    int result;                    /* the auxiliary's */
    struct canring_message answer; /* the caller's to free */
};

/* 1 answered (posted: taken), 0 not in time, -EPIPE, -EAGAIN (posted: no room), -EMSGSIZE. */
int cr_auxiliary_call(struct canring_auxiliary *auxiliary, struct cr_auxiliary_call *call);

/* auxiliary_proxy.c: the same calls on a proxy. */
int cr_auxiliary_proxy_find(const char *name, struct canring_error *err);
int cr_auxiliary_proxy_ask(const struct canring_auxiliary *auxiliary, uint32_t operation,
                           struct canring_error *err);

#endif
