#include "proxy/notes.h"

#include <stdint.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

void cr_notes_init(struct cr_notes *notes, int bell)
{
    pthread_mutex_init(&notes->lock, NULL);
    notes->first = notes->count = notes->left_out = 0;
    atomic_init(&notes->some, false);
    notes->bell = bell;
}

void cr_notes_destroy(struct cr_notes *notes)
{
    pthread_mutex_destroy(&notes->lock);
}

static void add_locked(struct cr_notes *notes, int level, const char *text)
{
    if (notes->count == CR_NOTES_MAX) {
        notes->left_out++;
        return;
    }
    struct cr_note *note = &notes->list[(notes->first + notes->count++) % CR_NOTES_MAX];
    note->level = level;
    snprintf(note->text, sizeof(note->text), "%s", text);
}

void cr_notes_add(void *arg, int level, const char *text)
{
    struct cr_notes *notes = arg;
    const uint64_t one = 1;

    pthread_mutex_lock(&notes->lock);
    add_locked(notes, level, text);
    pthread_mutex_unlock(&notes->lock);
    atomic_store_explicit(&notes->some, true, memory_order_release);
    if (notes->bell >= 0) {
        ssize_t written = write(notes->bell, &one, sizeof(one));
        (void)written; /* full: it rings already */
    }
}

static bool take_locked(struct cr_notes *notes, struct cr_note *note)
{
    if (notes->count) {
        *note = notes->list[notes->first];
        notes->first = (notes->first + 1) % CR_NOTES_MAX;
        notes->count--;
        return true;
    }
    if (!notes->left_out)
        return false;
    note->level = LOG_WARNING;
    snprintf(note->text, sizeof(note->text), "%u more messages of the recording were left out",
             notes->left_out);
    notes->left_out = 0;
    return true;
}

bool cr_notes_take(struct cr_notes *notes, struct cr_note *note)
{
    if (!atomic_load_explicit(&notes->some, memory_order_acquire))
        return false;
    pthread_mutex_lock(&notes->lock);
    bool taken = take_locked(notes, note);
    if (!taken)
        atomic_store_explicit(&notes->some, false, memory_order_relaxed);
    pthread_mutex_unlock(&notes->lock);
    return taken;
}
