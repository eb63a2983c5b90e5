/* boost::lockfree::spsc_queue, its capacity set at run time. */
#include <boost/lockfree/spsc_queue.hpp>

#include "spsc.h"

static const char peer_name[] = "boost spsc_queue";
static boost::lockfree::spsc_queue<spsc_record> *queue;

struct peer_end {
    spsc_record records[SPSC_BATCH_MAX];
};

static void peer_create(unsigned slots)
{
    queue = new boost::lockfree::spsc_queue<spsc_record>(slots);
}

static void peer_producer(peer_end *)
{
}

static void peer_consumer(peer_end *)
{
}

static inline unsigned peer_write(peer_end *end, uint64_t number, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        spsc_fill(end->records[i].words, SPSC_WORDS, number + i);
    if (count == 1)
        return queue->push(end->records[0]);
    return (unsigned)queue->push(end->records, count);
}

static inline unsigned peer_read(peer_end *end, uint64_t number, unsigned count,
                                 struct spsc_wrong *wrong)
{
    unsigned done =
        count == 1 ? queue->pop(end->records[0]) : (unsigned)queue->pop(end->records, count);
    for (unsigned i = 0; i < done; i++)
        spsc_check(end->records[i].words, SPSC_WORDS, number + i, wrong);
    return done;
}

#include "main.h"
