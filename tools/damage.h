/* What was damaged in a recording: the first places in words, the rest counted.
 *
 * For the commands that read recordings. Memory is bounded whatever a file holds.
 */
#ifndef CANRING_DAMAGE_H
#define CANRING_DAMAGE_H

#include <canring/trace.h>

/* Of either kind: thousands of lines must not hide a word about their compression. */
#define DAMAGE_KEPT 20

struct damage {
    uint64_t count;
    uint64_t pieces; /* of these, of a compression: what came from them may be wrong */
    unsigned kept;
    char texts[2 * DAMAGE_KEPT][CANRING_ERROR_TEXT];
};

/* True: its words are kept. */
bool damage_add(struct damage *damage, const struct canring_error *err);

/* Say it at once when its words are kept. */
void damage_say(struct damage *damage, const char *command, const struct canring_error *err);

/* Say how many there were beyond those that were said. */
void damage_say_rest(const struct damage *damage, const char *command);

#endif
