/* Entries on their way from recordings into another one.
 *
 * For convert and repair. Several recordings are merged in the order of their times; what is left
 * out and what is damaged is counted and told. Memory does not depend on the size of anything.
 */
#ifndef CANRING_RECODE_H
#define CANRING_RECODE_H

#include <canring/filter.h>
#include <canring/trace_writer.h>

#include "damage.h"
#include "progress.h"
#include "time_text.h"

#define RECODE_RULES_MAX 64

/* Of one bus: is it wanted, what of it, and under which name. */
struct recode_rule {
    const char *bus;
    size_t bus_length;
    const char *name; /* NULL: as it is */
    bool only;        /* buses without such a rule are left out */
    bool filtered;
    struct canring_filters filters;
};

struct recode_options {
    const char *command; /* for messages */
    bool quiet;          /* damage is counted only */
    struct recode_rule rules[RECODE_RULES_MAX];
    unsigned rule_count;
    bool filtered;
    struct canring_filters filters; /* of all buses */
    struct time_point start, end;
    unsigned digits;   /* of fractions of a second that are written, 0 = nanoseconds */
    bool no_direction; /* what is written does not tell which frames were sent, */
    bool no_names;     /* nor names of buses */
};

struct recode_input {
    const char *path;
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry; /* next, when `waiting` */
    bool waiting;
    struct recode_bus *buses;
    uint32_t bus_count;
};

struct recode {
    const struct recode_options *options;
    struct canring_trace_writer *writer;
    struct recode_input *inputs;
    unsigned count;
    bool begun;
    uint64_t begin_ns, end_ns;
    uint64_t entries;           /* read */
    uint64_t written;           /* entries */
    uint64_t left_out;          /* by filters, buses or times, as asked for */
    uint64_t refused;           /* by the format */
    uint64_t refused_frames;    /* of them */
    uint64_t cut;               /* times that lost digits */
    uint64_t sent;              /* frames of those written */
    unsigned named;             /* buses with a name that a number does not bring back */
    bool met[RECODE_RULES_MAX]; /* there is a bus of this rule */
    bool unfinished;
    struct damage damage;
    struct progress progress;
};

/* Open `count` recordings. 0 or the exit status. recode_close in either case. */
int recode_open(struct recode *recode, const struct recode_options *options, char *const *paths,
                unsigned count, const char *format);

/* Read everything; write it when there is a writer. 0 or the exit status, with words said. */
int recode_run(struct recode *recode);

/* What was left out and cut, in words. `format`: of what was written. */
void recode_tell(const struct recode *recode, const char *format);

void recode_close(struct recode *recode);

#endif
