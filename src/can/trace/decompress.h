/* The bytes of a compressed recording, as they were before.
 *
 * For the input of recordings. Files of gzip members and zstd frames, one or many, are unpacked as
 * they are read, in memory that does not depend on what they claim to hold. Damage ends what can be
 * read until the caller, who then has had all that came before, asks for what follows.
 */
#ifndef CANRING_TRACE_DECOMPRESS_H
#define CANRING_TRACE_DECOMPRESS_H

#include <sys/types.h>

#include "can/trace/compress.h"

/* First bytes that cr_decompress_kind needs. */
#define CR_DECOMPRESS_HEAD 4u

enum cr_compression cr_decompress_kind(const uint8_t *head, size_t length);

/* As read(2), but for the error, which is returned: a negative errno. */
typedef ssize_t (*cr_stored_read)(void *arg, void *to, size_t size);

struct cr_decompressor;

/* `head`: bytes that were read already, to know the kind; at most CR_DECOMPRESS_CHUNK. -ENOMEM. */
#define CR_DECOMPRESS_CHUNK (64u * 1024u)
int cr_decompress_open(struct cr_decompressor **unpacking, enum cr_compression kind,
                       const uint8_t *head, size_t length, cr_stored_read read, void *arg);

/* Up to `room` (not 0) bytes more. 0: the end, or a failure; negative errno: what `read` returned,
 * -ENOMEM. */
ssize_t cr_decompress_read(struct cr_decompressor *unpacking, uint8_t *to, size_t room);

/* Why reading has ended before the file: 0: it has not; -EPIPE: the file is cut; -EBADMSG: it is
 * damaged. `what` then says where, in bytes of the stored file; valid until _resume. */
int cr_decompress_failure(const struct cr_decompressor *unpacking, const char **what);

/* Forget the failure; behind damage, go on with the next member or frame, if there is one. */
void cr_decompress_resume(struct cr_decompressor *unpacking);

/* NULL is allowed. */
void cr_decompress_close(struct cr_decompressor *unpacking);

#endif
