/* Recordings of CAN traffic: files of every usual format, read entry by entry.
 *
 * One reader for all formats; memory use does not depend on the file's size. A reader is used by
 * one thread at a time; several may read the same file. Each call may make system calls.
 * The formats and what each can hold: canring-trace(5).
 */
#ifndef CANRING_TRACE_H
#define CANRING_TRACE_H

#include <canring/error.h>
#include <canring/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

enum canring_trace_kind {
    CANRING_TRACE_FRAME,
    CANRING_TRACE_LOST, /* frames are missing here, and whoever recorded it knew */
};

/* One thing that a recording holds. */
struct canring_trace_entry {
    enum canring_trace_kind kind;
    uint32_t bus;          /* index among the recording's buses, from 0 */
    uint64_t timestamp_ns; /* since the epoch, UTC; of the frame, whose own stamp is the same and is
                              what a writer takes; or when the loss was noticed */
    uint64_t lost;         /* of LOST: how many frames; 0 = the recording does not say */
    const struct canring_frame *frame; /* of FRAME, else NULL; valid until the next call */
};

struct canring_trace_reader;

/* Open a recording. `path`: a file, a pipe, which is waited for, or "-" for standard input (no
 * rewind of these); compressed with
 * gzip or zstd or not, its first bytes tell. `format`: the name of one ("candump", "asc", "blf",
 * "trc", "pcapng", "pcap"), or NULL: by content, and by the ending of the name where that
 * does not tell. Names of channels that have only a number are "can0" for channel 1, and so on.
 * -ENOENT and what open(2) gives; -EISDIR; -EINVAL: unknown format (the nearest name is told);
 * -EBADMSG: not a recording, or not of that format. On success the caller closes the reader. */
int canring_trace_reader_open(struct canring_trace_reader **reader, const char *path,
                              const char *format, struct canring_error *err);

/* The next entry. 1: *entry is set. 0: the end. -EINVAL: something damaged was skipped; `err` says
 * where (line, or byte) and what was found, its code is -EBADMSG when the compression was damaged,
 * so that entries before it may be wrong; the next call goes on behind it, and calls always come
 * to an end. Other negative errno: the file cannot be read on. */
int canring_trace_reader_next(struct canring_trace_reader *reader,
                              struct canring_trace_entry *entry, struct canring_error *err);

/* Start again at the first entry; buses keep their indexes. -ESPIPE: a pipe. */
int canring_trace_reader_rewind(struct canring_trace_reader *reader, struct canring_error *err);

/* Name of bus `index`, NULL when no entry has named so many yet. Valid until close. */
const char *canring_trace_reader_bus(const struct canring_trace_reader *reader, uint32_t index);

/* Name of the format that is being read. */
const char *canring_trace_reader_format(const struct canring_trace_reader *reader);

/* True when the file ends in the middle of something: whoever wrote it was killed, or it was cut.
 * Known after the end was reached. */
bool canring_trace_reader_unfinished(const struct canring_trace_reader *reader);

/* True when the file does not tell when it began, and its times count from 1970 (ASC, BLF, TRC).
 * Known once an entry was read. */
bool canring_trace_reader_undated(const struct canring_trace_reader *reader);

/* How many packets were passed over so far, for they are of something other than CAN: captures of
 * several protocols hold such. That is no damage. */
uint64_t canring_trace_reader_foreign(const struct canring_trace_reader *reader);

/* How far reading has come, in bytes of the file as it is stored, and the file's size (0 when it is
 * not a regular file). */
void canring_trace_reader_progress(const struct canring_trace_reader *reader, uint64_t *done,
                                   uint64_t *size);

/* NULL is allowed. */
void canring_trace_reader_close(struct canring_trace_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
