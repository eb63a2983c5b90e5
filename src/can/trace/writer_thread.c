#include "can/trace/writer_thread.h"

#include <signal.h>
#include <string.h>
#include <syslog.h>

#include "can/trace/writer_batch.h"
#include "can/trace/writer_output.h"
#include "shm/clock.h"

/* ---- the loop ----------------------------------------------------------------- */

/* Start what can be started. True: there may be more to do at once. */
static bool advance(struct cr_writer_thread *thread)
{
    const struct cr_writer_fault *fault = &thread->fault;
    bool may_try = !fault->error || thread->orders.closing ||
                   (cr_writer_batch_is_idle(thread) && cr_monotonic_ns() >= fault->retry_ns);
    bool packs = may_try && cr_writer_batch_pack(thread);

    cr_writer_output_sync(thread);
    if (!cr_writer_batch_is_idle(thread) || thread->done == thread->orders.pushed || !may_try)
        return packs;
    if (thread->done < thread->packed)
        cr_writer_batch_start(thread);
    return true;
}

/* After an attempt. When closing, a disk that fails gets one more. */
static void look_at_fault(struct cr_writer_thread *thread)
{
    cr_writer_fault_check(&thread->fault, cr_monotonic_ns());
    if (!cr_writer_batch_is_idle(thread) || !thread->orders.closing)
        return;
    if (thread->giving_up || (thread->fault.error && thread->last_chance))
        cr_writer_batch_give_up(thread);
    thread->last_chance = thread->fault.error != 0;
}

static uint64_t time_to_sleep(const struct cr_writer_thread *thread)
{
    uint64_t next =
        cr_writer_batch_is_idle(thread) ? cr_writer_fault_next(&thread->fault) : UINT64_MAX;
    uint64_t sync = cr_writer_output_next_sync(thread);
    uint64_t now = cr_monotonic_ns();

    if (sync < next)
        next = sync;
    if (next == UINT64_MAX)
        return UINT64_MAX;
    return next > now ? next - now : 1;
}

static void look_or_sleep(struct cr_writer_thread *thread, bool busy)
{
    bool sleeps = !busy && cr_writer_queue_sleep(thread->queue, &thread->orders);

    cr_writer_sink_run(thread->sink, sleeps ? time_to_sleep(thread) : 0);
    if (sleeps)
        cr_writer_queue_awake(thread->queue);
}

static bool is_over(const struct cr_writer_thread *thread)
{
    return thread->orders.ended && thread->done == thread->orders.pushed && !thread->syncs;
}

static void say_what_was_given_up(const struct cr_writer_thread *thread)
{
    uint64_t cost = atomic_load_explicit(&thread->stats->discarded, memory_order_relaxed);

    if (cost)
        cr_writer_report(thread->stats, LOG_ERR, "%s: %llu entries are given up: %s",
                         thread->names->path, (unsigned long long)cost,
                         strerror(-thread->first_error));
}

static void *run(void *arg)
{
    struct cr_writer_thread *thread = arg;

    pthread_setname_np(pthread_self(), "canring-trace");
    cr_writer_sink_start(thread->sink, thread->plain);
    for (;;) {
        thread->orders = cr_writer_queue_orders(thread->queue);
        if (is_over(thread))
            break;
        look_or_sleep(thread, advance(thread));
        if (!cr_writer_batch_is_idle(thread) && thread->on_their_way == 0)
            cr_writer_batch_end(thread);
        look_at_fault(thread);
    }
    say_what_was_given_up(thread);
    cr_writer_sink_close(thread->sink);
    thread->sink = NULL;
    return NULL;
}

/* Signals are for the program's own threads; a file that gets too large is an error here. */
int cr_writer_thread_start(struct cr_writer_thread *thread)
{
    sigset_t all, before;
    int result = cr_writer_sink_open(&thread->sink, thread->queue->wake_fd);

    if (result < 0)
        return result;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&thread->thread, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result)
        cr_writer_sink_close(thread->sink);
    return -result;
}

int cr_writer_thread_join(struct cr_writer_thread *thread)
{
    pthread_join(thread->thread, NULL);
    return thread->first_error;
}
