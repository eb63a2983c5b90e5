#include "can/trace/writer_fault.h"

#include <string.h>
#include <syslog.h>

#define RETRY_NS 250000000u

void cr_writer_fault_begin(struct cr_writer_fault *fault, int error, const char *what,
                           uint64_t now_ns)
{
    if (!fault->error) {
        fault->since_ns = now_ns;
        fault->told = false;
    }
    if (fault->error != error)
        cr_writer_report(fault->stats, LOG_ERR, "%s: %s%s", what, strerror(-error),
                         fault->patience_ns ? ", tried again four times a second" : "");
    fault->error = error;
    fault->retry_ns = now_ns + RETRY_NS;
    atomic_store_explicit(&fault->stats->error, error, memory_order_relaxed);
    cr_writer_fault_check(fault, now_ns);
}

void cr_writer_fault_end(struct cr_writer_fault *fault, const char *what)
{
    if (!fault->error)
        return;
    fault->error = 0;
    atomic_store_explicit(&fault->stats->error, 0, memory_order_relaxed);
    cr_writer_queue_fail(fault->queue, 0);
    cr_writer_report(fault->stats, LOG_NOTICE, "%s: is written again, from where it stopped", what);
}

static uint64_t limit(const struct cr_writer_fault *fault)
{
    return fault->patience_ns > UINT64_MAX - fault->since_ns ? UINT64_MAX
                                                             : fault->since_ns + fault->patience_ns;
}

void cr_writer_fault_check(struct cr_writer_fault *fault, uint64_t now_ns)
{
    if (!fault->error || fault->told || now_ns < limit(fault) || limit(fault) == UINT64_MAX)
        return;
    fault->told = true;
    cr_writer_queue_fail(fault->queue, fault->error);
}

uint64_t cr_writer_fault_next(const struct cr_writer_fault *fault)
{
    if (!fault->error)
        return UINT64_MAX;
    return fault->told || limit(fault) > fault->retry_ns ? fault->retry_ns : limit(fault);
}
