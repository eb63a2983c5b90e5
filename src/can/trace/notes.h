/* Notes: what recordings as text hold for us and not for others.
 *
 * Comment lines, which every reader skips: the file's zero time whatever the zone, lost frames,
 * what an error frame was, the true time of a frame before the file's begin, names of buses.
 * Behind the comment's mark stands "canring: " and one of
 *   zero 1700000000.123456789
 *   lost 7 frames on channel 1 at 0.000501000        ("some" frames: nobody knows how many)
 *   next at -0.001234567
 *   next is 20000080#0000000000000000                (" Tx" behind it: sent)
 *   channel 1 is vcan0
 *   channel 2 from here
 * Times but for the first count from zero.
 */
#ifndef CANRING_TRACE_NOTES_H
#define CANRING_TRACE_NOTES_H

#include "can/trace/fields.h"
#include "can/trace/format.h"
#include "can/trace/lines.h"

/* The most characters of a note, but for the frame and the name in it. */
#define CR_NOTE_ROOM 128

enum cr_note_kind {
    CR_NOTE_ZERO,    /* ns */
    CR_NOTE_LOST,    /* count, channel, ns */
    CR_NOTE_TIME,    /* ns */
    CR_NOTE_FRAME,   /* text */
    CR_NOTE_NAME,    /* channel, text */
    CR_NOTE_CHANNEL, /* channel */
};

struct cr_note {
    enum cr_note_kind kind;
    int64_t ns;
    uint64_t count;
    uint32_t channel;
    bool tx;
    struct cr_field text;
};

/* Without newline; the mark is the caller's. Each returns the place behind what it wrote. */
char *cr_note_put_zero(char *to, uint64_t ns);
char *cr_note_put_lost(char *to, uint64_t count, uint32_t channel, int64_t ns);
char *cr_note_put_time(char *to, int64_t ns);
char *cr_note_put_frame(char *to, const struct canring_frame *frame);
char *cr_note_put_name(char *to, const struct cr_trace_name *name);
char *cr_note_put_channel(char *to, uint32_t channel);

/* True when a channel's number does not give its bus's name back. */
bool cr_note_name_needed(const struct cr_trace_name *name);

/* The error frame that comes next. */
struct cr_note_error {
    bool there;
    uint16_t flags, size;
    uint32_t id;
    uint8_t data[CANRING_CC_DATA_MAX];
};

/* `frame` is an error frame of which the file says no more: make it the noted one, if any. */
void cr_note_error_apply(const struct cr_note_error *error, struct canring_frame *frame);

/* So many names are noted at a file's begin, and known to a decoder. */
#define CR_NOTE_NAMES 64

/* The buses of a decoder's channels; all zero at first. */
struct cr_note_names {
    uint32_t count;
    struct {
        uint32_t channel, bus;
    } list[CR_NOTE_NAMES];
};

/* What a decoder knows by notes; all zero at first. */
struct cr_noted {
    struct cr_note_names channels;
    int64_t zero_ns; /* of the file's times, since the epoch; decoders set it by dates, too */
    bool zero_known; /* by a note: dates need not be read */
    bool next_at;    /* the time of the next event */
    int64_t next_ns;
    struct cr_note_error next;
    uint32_t channel; /* that events have from here on */
};

/* Take what stands behind the mark of a comment. CR_LINE_ENTRY: it is a loss, for `entry`, whose
 * time counts from zero and whose bus is the channel. */
enum cr_line_kind cr_note_take(struct cr_noted *noted, struct cr_trace_names *names,
                               struct cr_fields text, struct canring_trace_entry *entry,
                               const char **what);

/* Index of the bus of a channel, 1..65535, or negative errno. */
int cr_note_bus(const struct cr_note_names *known, struct cr_trace_names *names, uint32_t channel);

#endif
