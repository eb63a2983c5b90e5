#include "proxy/auxiliary_handle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shm/clock.h"

#define NS_PER_S 1e9
/* 10 ms apart, for an auxiliary that is just being started: when opening, when it was lost. */
#define OPEN_TRIES   100
#define REOPEN_TRIES 5

uint64_t cr_auxiliary_deadline(double timeout_s)
{
    const double most = 1e9; /* 30 years */
    if (timeout_s < 0 || timeout_s > most)
        return UINT64_MAX;
    if (!(timeout_s > 0)) /* no number either */
        return cr_monotonic_ns();
    return cr_monotonic_ns() + (uint64_t)(timeout_s * NS_PER_S);
}

uint64_t cr_auxiliary_slice(uint64_t deadline)
{
    uint64_t now = deadline == UINT64_MAX ? 0 : cr_monotonic_ns();
    uint64_t left = deadline > now ? deadline - now : 0;
    return left < CR_ALIVE_CHECK_NS ? left : CR_ALIVE_CHECK_NS;
}

static int attach(struct canring_auxiliary *auxiliary, int most, struct canring_error *err)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    struct cr_auxiliary_link *link = calloc(1, sizeof(*link));
    if (!link)
        return canring_error_set(err, -ENOMEM, "no memory for a handle");
    int result = -EAGAIN;
    for (int tries = 0; tries < most && result == -EAGAIN; tries++) {
        if (tries)
            nanosleep(&pause, NULL);
        result = cr_auxiliary_shared_attach(&link->shared, auxiliary->name, err);
    }
    if (result < 0) {
        free(link);
        return result;
    }
    link->next = auxiliary->links;
    auxiliary->links = link;
    auxiliary->dead = false;
    return 0;
}

/* Links of processes that are gone go once nobody uses them. */
static void drop_unused(struct canring_auxiliary *auxiliary)
{
    for (struct cr_auxiliary_link **at = &auxiliary->links; *at;) {
        struct cr_auxiliary_link *link = *at;
        if (link->users || (link == auxiliary->links && !auxiliary->dead)) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        cr_auxiliary_shared_close(&link->shared);
        free(link);
    }
}

static bool over(const struct canring_auxiliary *auxiliary, bool fresh)
{
    const struct cr_auxiliary_link *link = auxiliary->links;
    if (auxiliary->dead || !link)
        return true;
    if (fresh)
        return !cr_auxiliary_shared_alive(&link->shared);
    return atomic_load_explicit(&link->shared.header->state, memory_order_acquire) !=
           CR_AUXILIARY_SERVING;
}

int cr_auxiliary_use(struct canring_auxiliary *auxiliary, bool fresh,
                     struct cr_auxiliary_link **link)
{
    int result = 0;
    pthread_mutex_lock(&auxiliary->guard);
    if (over(auxiliary, fresh)) {
        auxiliary->dead = true;
        drop_unused(auxiliary);
        result = attach(auxiliary, REOPEN_TRIES, NULL) < 0 ? -EPIPE : 0;
        if (result < 0)
            cr_auxiliary_shared_clean(auxiliary->name);
    }
    *link = result == 0 ? auxiliary->links : NULL;
    if (*link)
        (*link)->users++;
    pthread_mutex_unlock(&auxiliary->guard);
    return result;
}

void cr_auxiliary_release(struct canring_auxiliary *auxiliary, struct cr_auxiliary_link *link)
{
    pthread_mutex_lock(&auxiliary->guard);
    link->users--;
    drop_unused(auxiliary);
    pthread_mutex_unlock(&auxiliary->guard);
}

void cr_auxiliary_lost(struct canring_auxiliary *auxiliary, struct cr_auxiliary_link *link)
{
    pthread_mutex_lock(&auxiliary->guard);
    if (link == auxiliary->links)
        auxiliary->dead = true;
    pthread_mutex_unlock(&auxiliary->guard);
    cr_auxiliary_shared_clean(auxiliary->name);
}

int cr_auxiliary_take(struct cr_auxiliary_link *link, struct cr_lock *lock, uint64_t deadline)
{
    int result = cr_lock_take(lock, 0);
    while (result == 0) {
        uint64_t slice = cr_auxiliary_slice(deadline);
        if (slice == 0)
            return 0;
        result = cr_lock_take(lock, slice);
        if (result == 0 && !cr_auxiliary_shared_alive(&link->shared))
            return -EPIPE;
    }
    return result;
}

int canring_auxiliary_open(struct canring_auxiliary **out, const char *name,
                           struct canring_error *err)
{
    struct canring_auxiliary *auxiliary = calloc(1, sizeof(*auxiliary));
    *out = NULL;
    if (!auxiliary)
        return canring_error_set(err, -ENOMEM, "no memory for a handle");
    snprintf(auxiliary->name, sizeof(auxiliary->name), "%s", name);
    pthread_mutex_init(&auxiliary->guard, NULL);
    int result = strlen(name) >= sizeof(auxiliary->name)
                     ? canring_error_set(err, -ENOENT, "'%.40s…' is longer than a name", name)
                     : attach(auxiliary, OPEN_TRIES, err);
    if (result == -ENOENT && cr_auxiliary_proxy_find(name, NULL) == 0) {
        auxiliary->proxy = true;
        result = 0;
    }
    if (result < 0) {
        canring_auxiliary_close(auxiliary);
        return result;
    }
    *out = auxiliary;
    return 0;
}

/* What this thread still holds; another thread's lock keeps its memory mapped for good. */
static void give_all(struct cr_auxiliary_link *link)
{
    while (link->users && cr_lock_give(&link->shared.callers->call) == 0)
        link->users--;
}

void canring_auxiliary_close(struct canring_auxiliary *auxiliary)
{
    if (!auxiliary)
        return;
    for (struct cr_auxiliary_link *link = auxiliary->links; link; link = link->next)
        give_all(link);
    auxiliary->dead = true;
    drop_unused(auxiliary);
    pthread_mutex_destroy(&auxiliary->guard);
    free(auxiliary);
}

int canring_auxiliary_lock_it(struct canring_auxiliary *auxiliary, double timeout_s)
{
    struct cr_auxiliary_link *link;
    if (auxiliary->proxy)
        return -EOPNOTSUPP;
    int result = cr_auxiliary_use(auxiliary, true, &link);
    if (result < 0)
        return result;
    result = cr_auxiliary_take(link, &link->shared.callers->call, cr_auxiliary_deadline(timeout_s));
    if (result == -EPIPE)
        cr_auxiliary_lost(auxiliary, link);
    if (result <= 0) /* else the link stays in use until it is unlocked */
        cr_auxiliary_release(auxiliary, link);
    return result;
}

/* The lock may be of a process that is gone: the newest that this thread holds. */
int canring_auxiliary_unlock_it(struct canring_auxiliary *auxiliary)
{
    int result = -EPERM;
    pthread_mutex_lock(&auxiliary->guard);
    for (struct cr_auxiliary_link *link = auxiliary->links; link && result < 0; link = link->next) {
        result = cr_lock_give(&link->shared.callers->call);
        if (result == 0)
            link->users--;
    }
    drop_unused(auxiliary);
    pthread_mutex_unlock(&auxiliary->guard);
    return result;
}

void canring_message_free(struct canring_message *message)
{
    free(message->data);
    *message = (struct canring_message){0};
}
