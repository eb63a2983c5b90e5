/* A recording, read frame by frame.
 *
 * The replay driver's view of a file; one implementation per format (replay_log.c: candump). A
 * reader holds a fixed amount of memory however large the file is, and must never turn half
 * a line into a frame.
 */
#ifndef CANRING_REPLAY_READER_H
#define CANRING_REPLAY_READER_H

#include <canring/error.h>
#include <canring/frame.h>
#include <canring/text.h>

struct cr_replay_reader {
    /* 1 and the next frame with its interface's name; 0 at the end; -EINVAL something
     * damaged was skipped, `err` says where and what; another negative errno: cannot be read. */
    int (*next)(struct cr_replay_reader *reader, union canring_frame_buffer *frame,
                char name[CANRING_TEXT_NAME], struct canring_error *err);
    int (*rewind)(struct cr_replay_reader *reader);
    void (*close)(struct cr_replay_reader *reader);
};

/* Open a candump log. -EISDIR, -EINVAL not a regular file, and what open gives. */
int cr_replay_open_log(struct cr_replay_reader **reader, const char *path,
                       struct canring_error *err);

#endif
