/* One file format: its encoder and its decoder.
 *
 * The table of all formats is in format.c; a new one is a constant of this type and a line there.
 * Encoders and decoders do no input and output of their own: an encoder appends to a buffer, a
 * decoder asks its input. Encoders serve the writer (writer.h), decoders the reader (reader.c).
 */
#ifndef CANRING_TRACE_FORMAT_H
#define CANRING_TRACE_FORMAT_H

#include <canring/error.h>
#include <canring/trace.h>

#include "can/trace/bytes.h"
#include "can/trace/input.h"
#include "can/trace/names.h"

/* An encoder's calls append at most this much each, whatever they are given. */
#define CR_TRACE_ENTRY_ROOM 16384u

/* The end of 2261, less a day for any time zone: the last whole year that signed 64 bits of
 * nanoseconds reach, which is how dates and offsets from them are counted. */
#define CR_TRACE_DATE_LATEST_NS UINT64_C(9214559999999999999)

/* What an encoder is told when a file begins. */
struct cr_trace_start {
    uint64_t start_ns;                  /* time of the first entry that will be in the file */
    const struct cr_trace_names *names; /* grows while the file is written, never shrinks */
    unsigned
        digits; /* of fractions of a second in text, 1..9; 0 = what the format's users expect */
};

/* What has gone into a file, for formats with a header that says so. */
struct cr_trace_totals {
    uint64_t file_bytes; /* as stored */
    uint64_t raw_bytes;  /* what was given to `pack` */
    uint64_t blocks;     /* how often it was called */
    uint64_t entries;
    uint64_t first_ns, last_ns; /* lowest and highest time stamp, 0 without an entry */
};

/* All of it is called by one thread at a time, with the same state, zeroed at first, from begin
 * to end and then header. `pack` knows no state and runs in a thread of its own. None blocks,
 * allocates or makes a system call, but for `pack`, which may allocate. */
struct cr_trace_encoder {
    size_t state_size;
    /* The latest time that it can hold, 0 = whatever there is. The caller sees to it. */
    uint64_t latest_ns;
    /* The head of a file. It is not packed. Before the first entry, after all buses known then. */
    int (*begin)(void *state, const struct cr_trace_start *start, struct cr_bytes *out);
    /* A bus that was not there at `begin`. NULL: nothing to write. */
    int (*bus)(void *state, uint32_t bus, struct cr_bytes *out);
    /* One entry. 0; -EOPNOTSUPP: the format has no way to hold it, -ECHRNG: nor its bus; nothing
     * was appended. Times may step back, even to before start_ns. */
    int (*entry)(void *state, const struct canring_trace_entry *entry, struct cr_bytes *out);
    /* The tail of a file: it is packed. NULL: nothing to write. */
    int (*end)(void *state, struct cr_bytes *out);
    /* Make one stored block of `length` bytes of whole entries (BLF: a container). NULL: stored as
     * they are. Room in `out`: cr_trace_pack_room(length). -ENOMEM. */
    int (*pack)(const void *raw, size_t length, struct cr_bytes *out);
    /* The head once more, now that the totals are known, written over the first one, which must be
     * just as long. NULL: the head stays. */
    int (*header)(void *state, const struct cr_trace_totals *totals, struct cr_bytes *out);
};

/* What a decoder works with. */
struct cr_trace_source {
    struct cr_trace_input *input;
    struct cr_trace_names *names; /* decoders add the buses they meet */
    const char *path;             /* for messages: "PATH:LINE: …" or "PATH: byte N: …" */
    bool unfinished;              /* set by the decoder: the file ends in the middle of something */
    bool undated;                 /* the file does not tell what its times count from: 1970 */
    uint64_t foreign;             /* packets that it passed over, for they are not of CAN */
};

struct cr_trace_decoder {
    size_t state_size;
    /* Read the head. -EINVAL: not of this format. */
    int (*open)(void *state, struct cr_trace_source *source, struct canring_error *err);
    /* As canring_trace_reader_next; a frame goes to `frame`, entry->frame is set by the caller. */
    int (*next)(void *state, struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                struct canring_error *err);
    void (*close)(void *state); /* NULL: nothing to do; called after a failed open too */
};

struct cr_trace_format {
    const char *name;
    const char *const *endings; /* of file names, with dot, NULL at the end */
    const char *summary;        /* a few words for --help and lists */
    bool text;                  /* by lines: may be compressed as a whole */
    /* How sure the first bytes of a file make us, 0 (not it) .. 100 (a magic number). */
    int (*probe)(const uint8_t *head, size_t length);
    const struct cr_trace_encoder *encoder; /* NULL: read only */
    const struct cr_trace_decoder *decoder; /* NULL: written only (another one reads it) */
};

extern const struct cr_trace_format cr_trace_format_candump;
extern const struct cr_trace_format cr_trace_format_blf;
extern const struct cr_trace_format cr_trace_format_pcapng;
extern const struct cr_trace_format cr_trace_format_asc;
extern const struct cr_trace_format cr_trace_format_trc, cr_trace_format_trc11;
extern const struct cr_trace_format cr_trace_format_pcap;

/* All formats, NULL at the end. */
extern const struct cr_trace_format *const cr_trace_formats[];

/* The format of this name; NULL and `err`, with the nearest name and all of them. */
const struct cr_trace_format *cr_trace_format_named(const char *name, struct canring_error *err);

/* The format that files of this name have, a ".gz" or ".zst" behind it ignored; NULL: no ending
 * that we know. */
const struct cr_trace_format *cr_trace_format_by_ending(const char *path);

/* The format that a file with these first bytes has; NULL: none is likely. */
const struct cr_trace_format *cr_trace_format_by_content(const uint8_t *head, size_t length);

/* The most that packing `length` bytes can take. */
static inline size_t cr_trace_pack_room(size_t length)
{
    return length + length / 8 + 4096;
}

#endif
