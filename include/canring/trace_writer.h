/* Recordings of CAN traffic, written: encoding, compression, rotation, and getting it to the disk.
 *
 * A writer belongs to one thread. Behind it a second thread packs (compression) and hands blocks
 * to the kernel, through io_uring where there is one. Memory is bounded; when the disk does not
 * follow, calls block. Whoever must not block (a bus) puts a ring and a thread in front: that is
 * what a proxy's trace and canring_capture do.
 *
 * Files consist of blocks of whole entries (and containers, compressed members) that are given to
 * the kernel in order, so that there is never a hole in a file. After a kill at any instruction a
 * file holds everything that is older than `flush_ns`, but for what the disk or the compression did
 * not follow with (`memory` at most), and readers take it as it is; after a power loss, everything
 * up to the last sync.
 *
 * A disk that fails (full, gone, an I/O error) is tried again four times a second until
 * canring_trace_writer_close, and writing goes on at the very byte where it stopped: no entry that
 * was accepted is lost or doubled. A file that is deleted under the writer's hands is begun again
 * under its name, with its head; what the deleted one held is gone with it.
 */
#ifndef CANRING_TRACE_WRITER_H
#define CANRING_TRACE_WRITER_H

#include <canring/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

enum canring_trace_naming {
    CANRING_TRACE_NUMBERED, /* a.log, a_0001.log, a_0002.log, …; numbers of files that are there
                               already are passed over */
    CANRING_TRACE_DATED,    /* a_2026-11-23_14-05-09.log, by the first entry's time, local; the next
                               one of the same second a_2026-11-23_14-05-09_2.log */
};

/* All zero is a good start. */
struct canring_trace_writer_options {
    const char *format;      /* name of one, NULL: by the ending of the path */
    const char *compression; /* "none", "gz", "zst"; NULL: by the ending. Formats by lines only */
    unsigned time_digits;    /* of fractions of a second in text, 1..9; 0 = the format's usual */
    bool overwrite;          /* an existing file of this name is replaced; else -EEXIST. Other
                                files of a series never are */
    bool late;               /* nothing is made, or emptied, before canring_trace_writer_begin */

    /* A new file before the entry that would pass a limit; 0 = no limit. No entry is lost, doubled
     * or split by it. */
    uint64_t rotate_bytes;  /* of a file, as stored, from 1 (captures and configurations ask for
                               65536); passed by less than one block (128 KiB) when it is
                               compressed or in containers, else only by a file that has a single
                               entry */
    uint64_t rotate_ns;     /* behind the earliest time stamp in a file */
    uint64_t rotate_frames; /* in a file */
    enum canring_trace_naming naming; /* with rotation; without, the path is the file's name */
    unsigned keep; /* newest files kept, with the one being written; older ones that this writer
                      has made are deleted, never others; 0 = all */

    /* What a crash may cost. */
    uint64_t flush_ns; /* an entry is the kernel's after so long, 0 = 200 ms; see _due */
    uint64_t sync_ns;  /* fdatasync so often, 0 = never */

    size_t memory;     /* bytes on their way to the disk, 1 MiB .. 4 GiB, 0 = 16 MiB */
    uint64_t retry_ns; /* a disk fails for so long before the caller is told (and entries are not
                          accepted until it works again), 0 = at once, UINT64_MAX = never */

    /* Pre-trigger: nothing is written before canring_trace_writer_trigger, but the newest entries
     * are kept in memory and then written first. 0 = off. */
    uint64_t pretrigger_ns;    /* how old entries get, by their time stamps */
    uint64_t pretrigger_bytes; /* of memory for them, 64 KiB at least, 0 = 64 MiB; the oldest go
                                  first. A classic frame takes 64 */

    /* Notable events (disk full, retrying, a new file; what a format cannot hold, once for each
     * kind), `level` as syslog's. From the caller's thread or the writer's own. May be NULL. */
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

struct canring_trace_writer_stats {
    uint64_t frames;    /* accepted and encoded, not those that wait for a trigger */
    uint64_t lost;      /* frames that LOST entries told of */
    uint64_t refused;   /* entries that the format cannot hold */
    uint64_t discarded; /* of them and of `lost`, entries given up at close: the disk failed */
    uint64_t discarded_frames; /* of these, frames */
    uint64_t files;            /* begun */
    uint64_t file_bytes;       /* stored, in all files */
    int error;                 /* negative errno while the disk fails, 0 when it works */
    char path[256];            /* of the file being written, cut when longer */
};

struct canring_trace_writer;

/* Begin to write. The file is created at once (with pre-trigger: at the trigger; with a date in its
 * name: with the first entry), its head is written with the first entry. A device or a pipe at
 * `path` is written to, without limits; "-" is standard output, written on where it is. -EEXIST,
 * -EINVAL (an option; `err` says which and what is allowed), and what open(2) gives. */
int canring_trace_writer_open(struct canring_trace_writer **writer, const char *path,
                              const struct canring_trace_writer_options *options,
                              struct canring_error *err);

/* With `late`, before the first entry: make the file as open would have done. Open has told what is
 * wrong with its name. A writer that is closed without it leaves nothing. Errors as open. */
int canring_trace_writer_begin(struct canring_trace_writer *writer, struct canring_error *err);

/* Index for a bus of this name, the same one for the same name. -EINVAL: empty, or with blanks or
 * control characters; -ENOSPC: too long, or too many; -ENOMEM. */
int canring_trace_writer_bus(struct canring_trace_writer *writer, const char *name);

/* Write one entry; entry->bus from canring_trace_writer_bus. Blocks while `memory` is full. 0;
 * -EOPNOTSUPP: the format cannot hold it (counted, said once); -EINVAL: no such bus, a frame that
 * canring_frame_check refuses; else the disk's error, after `retry_ns`: this entry was not
 * accepted. While there is room, system calls are made only to begin a file, and to wake the second
 * thread, once for each block. */
int canring_trace_writer_write(struct canring_trace_writer *writer,
                               const struct canring_trace_entry *entry, struct canring_error *err);

/* Give away what is due by `flush_ns`. Returns nanoseconds until it must be called again for
 * `flush_ns` to hold, UINT64_MAX: not before the next entry. Writing looks by itself with every
 * 64th entry, and whenever the entries' time stamps say that it may be time. Never blocks. */
uint64_t canring_trace_writer_due(struct canring_trace_writer *writer);

/* Give away everything and wait until the kernel has it; with `sync`, the disk. 0 or the disk's
 * error. */
int canring_trace_writer_flush(struct canring_trace_writer *writer, bool sync,
                               struct canring_error *err);

/* The file ends here, the next entry begins a new one. Nothing happens while it has no entry, and
 * with a pipe or a device. */
int canring_trace_writer_rotate(struct canring_trace_writer *writer, struct canring_error *err);

/* Write what the pre-trigger has kept, and everything from now on. With an error, what is still
 * kept goes in front of the next entry that is written. */
int canring_trace_writer_trigger(struct canring_trace_writer *writer, struct canring_error *err);

/* Safe in any thread. Wait-free. */
void canring_trace_writer_stats(const struct canring_trace_writer *writer,
                                struct canring_trace_writer_stats *stats);

/* Finish the file: tail, header, everything given to the kernel (to the disk, with sync_ns). A disk
 * that fails is tried once more; then what is left is discarded and the file cut behind its last
 * whole block. 0 or the first error that cost an entry. `writer` is gone then, NULL is allowed. */
int canring_trace_writer_close(struct canring_trace_writer *writer, struct canring_error *err);
/* The same; *last gets the final figures. */
int canring_trace_writer_finish(struct canring_trace_writer *writer,
                                struct canring_trace_writer_stats *last, struct canring_error *err);

#ifdef __cplusplus
}
#endif
#endif
