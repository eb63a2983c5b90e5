/* How the commands talk to the person at the terminal.
 *
 * Every command reports through these, so that messages look alike: "canring dump: …" on
 * standard error. Nothing here ends the program.
 */
#ifndef CANRING_SAY_H
#define CANRING_SAY_H

#include <canring/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line on stderr, "canring COMMAND: …"; `command` NULL: "canring: …". */
void say(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same and where to read more; returns EXIT_MISUSE. */
int misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What getopt_long() returned '?' or ':' for, in our words; returns EXIT_MISUSE. */
int misuse_option(const char *command, int result, char **argv);

/* Show `text` with a caret below the column that `err` names ("column N: …"). Shows nothing when
 * it names none. */
void show_column(const char *text, const struct canring_error *err);

/* The exit status for a negative errno: what was asked for makes no sense, or it failed. */
int exit_status(int result);

/* Read all of `text` as a number of `base` from `least` to `most`; false when it is none. */
bool read_number(const char *text, int base, uint64_t least, uint64_t most, uint64_t *value);

/* The word most like `word`, or NULL when none is near. */
const char *nearest(const char *word, const char *const *words, size_t count);

/* True when stdout is a terminal whose user has not asked for no colours (NO_COLOR). */
bool colours_wanted(void);

/* Flush stdout. Returns 0, or 1 with a message when not all of it was written. */
int finish_output(const char *command);

/* What a recording holds beside CAN, when there is such. */
void say_foreign(const char *command, const char *file, uint64_t packets);

#endif
