#include "shm/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#define PASSED_ON_MOST 8u

struct guarded {
    _Atomic(uintptr_t) base; /* 0 = free; stored last on adding, first on removing */
    atomic_size_t bytes;
    atomic_bool hit;
};

static struct guarded table[CR_GUARD_MAX];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static struct sigaction before;

/* Handlers that save the one before them and call it can call each other in a circle, ours among
 * them. How often one signal has been here is noted at the end of its own siginfo, which the kernel
 * fills with zeros: no thread-local variable would survive a handler that jumps away. */
static bool goes_round(siginfo_t *info)
{
    uint32_t *times = (uint32_t *)(void *)((char *)info + sizeof(siginfo_t) - sizeof(uint32_t));
    return (*times)++ >= PASSED_ON_MOST;
}

static void pass_on(int number, siginfo_t *info, void *context)
{
    if (goes_round(info)) {
        signal(SIGBUS, SIG_DFL);
    } else if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else {
        /* Not ours: returning repeats the access, now with the default action. */
        signal(SIGBUS, SIG_DFL);
    }
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    uintptr_t at = (uintptr_t)info->si_addr;
    for (unsigned i = 0; i < CR_GUARD_MAX; i++) {
        uintptr_t base = atomic_load_explicit(&table[i].base, memory_order_acquire);
        size_t bytes = atomic_load_explicit(&table[i].bytes, memory_order_relaxed);
        if (!base || at < base || at - base >= bytes)
            continue;
        /* mmap is a plain system call here: safe in a handler. The whole mapping goes, so
         * that its two views of one page cannot disagree. */
        if (mmap((void *)base, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            break;
        atomic_store_explicit(&table[i].hit, true, memory_order_relaxed);
        errno = saved;
        return;
    }
    errno = saved;
    pass_on(number, info, context);
}

/* Again at every addition: somebody may have replaced our handler since. */
static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction now;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == on_sigbus)
        return;
    before = now; /* first: the handler may be called, or the process fork, at once */
    sigaction(SIGBUS, &action, NULL);
}

/* Whoever held the lock is not in the child. What he was adding there has no base yet, so its place
 * is free. Nothing is locked before a fork: the log adds a guard with its own lock held, and which
 * of two locks a fork takes first is nobody's choice. */
static void after_fork_in_child(void)
{
    pthread_mutex_init(&table_lock, NULL);
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

int cr_guard_add(const struct cr_mapping *mapping)
{
    int guard = -ENOSPC;
    pthread_once(&prepared, prepare);
    pthread_mutex_lock(&table_lock);
    install();
    for (int i = 0; i < CR_GUARD_MAX && guard < 0; i++) {
        if (atomic_load_explicit(&table[i].base, memory_order_relaxed))
            continue;
        atomic_store_explicit(&table[i].bytes, mapping->bytes, memory_order_relaxed);
        atomic_store_explicit(&table[i].hit, false, memory_order_relaxed);
        atomic_store_explicit(&table[i].base, (uintptr_t)mapping->base, memory_order_release);
        guard = i;
    }
    pthread_mutex_unlock(&table_lock);
    return guard;
}

void cr_guard_remove(int guard)
{
    if (guard >= 0)
        atomic_store_explicit(&table[guard].base, 0, memory_order_release);
}

bool cr_guard_hit(int guard)
{
    return guard >= 0 && atomic_load_explicit(&table[guard].hit, memory_order_relaxed);
}
