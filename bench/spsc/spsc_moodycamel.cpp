/* moodycamel::ReaderWriterQueue; it has no bulk calls. */
#include <readerwriterqueue/readerwriterqueue.h>

#include "spsc.h"

static const char peer_name[] = "moodycamel ReaderWriterQueue";
static moodycamel::ReaderWriterQueue<spsc_record> *queue;

struct peer_end {
    spsc_record record;
};

static void peer_create(unsigned slots)
{
    queue = new moodycamel::ReaderWriterQueue<spsc_record>(slots);
}

static void peer_producer(peer_end *)
{
}

static void peer_consumer(peer_end *)
{
}

static inline unsigned peer_write(peer_end *end, uint64_t number, unsigned count)
{
    unsigned done = 0;
    for (; done < count; done++) {
        spsc_fill(end->record.words, SPSC_WORDS, number + done);
        if (!queue->try_enqueue(end->record))
            break;
    }
    return done;
}

static inline unsigned peer_read(peer_end *end, uint64_t number, unsigned count,
                                 struct spsc_wrong *wrong)
{
    unsigned done = 0;
    for (; done < count; done++) {
        if (!queue->try_dequeue(end->record))
            break;
        spsc_check(end->record.words, SPSC_WORDS, number + done, wrong);
    }
    return done;
}

#include "main.h"
