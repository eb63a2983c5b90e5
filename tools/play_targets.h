/* Where the frames of each bus of a recording go.
 *
 * For play. Targets are opened before the first frame when they are named on the command line, else
 * when their first frame comes. Messages go to stderr.
 */
#ifndef CANRING_PLAY_TARGETS_H
#define CANRING_PLAY_TARGETS_H

#include <canring/text.h>
#include <canring/trace.h>

#include "play_options.h"
#include "source.h"

#define PLAY_TARGETS_MAX 64

struct play_target {
    char name[256];
    char bus[CANRING_TEXT_NAME]; /* of the recording; empty: all that have no other */
    bool prints;                 /* stdout, no bus */
    unsigned kinds_refused;      /* bits of those that were told */
    uint64_t refused;            /* frames of kinds that it does not carry */
    struct source source;
};

struct play_targets {
    const struct play_options *options;
    struct play_target list[PLAY_TARGETS_MAX];
    unsigned count;
    bool named; /* on the command line: nothing is opened beyond that */
    int8_t *map;
    uint32_t map_count;
};

/* Open what the command line names. 0 or the exit status. */
int play_targets_open(struct play_targets *targets, const struct play_options *options);

/* Where frames of bus `index` go; NULL: nowhere, *status is 0 then, or the exit status when what
 * they should go to cannot be opened. */
struct play_target *play_targets_find(struct play_targets *targets,
                                      const struct canring_trace_reader *reader, uint32_t index,
                                      int *status);

/* Whether frames of bus `index` are only printed. */
bool play_targets_print(struct play_targets *targets, const struct canring_trace_reader *reader,
                        uint32_t index);

/* Say what has not been taken of what was sent. The exit status. */
int play_targets_finish(struct play_targets *targets);

void play_targets_close(struct play_targets *targets);

#endif
