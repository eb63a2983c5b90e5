/* Words from a thread of ours to the thread that owns the report.
 *
 * A recording's threads add them, whoever runs the proxy or the capture takes them on its own
 * thread. Bounded: what does not fit is counted and told as a number. Adding may take a lock for a
 * moment and ring an eventfd; looking whether there is something costs one load.
 */
#ifndef CANRING_NOTES_H
#define CANRING_NOTES_H

#include <canring/error.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define CR_NOTES_MAX 16

struct cr_note {
    int level; /* as syslog's */
    char text[CANRING_ERROR_TEXT];
};

struct cr_notes {
    pthread_mutex_t lock;
    struct cr_note list[CR_NOTES_MAX];
    unsigned first, count, left_out;
    atomic_bool some;
    int bell; /* eventfd of who takes them, -1 = none */
};

void cr_notes_init(struct cr_notes *notes, int bell);
void cr_notes_destroy(struct cr_notes *notes);

/* From any thread; `notes` is a struct cr_notes, to fit a report. */
void cr_notes_add(void *notes, int level, const char *text);

/* The oldest; false when there is none. */
bool cr_notes_take(struct cr_notes *notes, struct cr_note *note);

#endif
