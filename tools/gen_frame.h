/* Frames made up by rule: what cangen calls its generation modes.
 *
 * For cmd_gen.c. The same rule and seed give the same frames on every machine. Makes no system
 * call.
 */
#ifndef CANRING_GEN_FRAME_H
#define CANRING_GEN_FRAME_H

#include <canring/frame.h>

enum gen_mode { GEN_RANDOM, GEN_INCREMENT, GEN_FIXED, GEN_EVEN, GEN_ODD };

/* What to make; the `fixed` values count in mode GEN_FIXED. */
struct gen_rule {
    bool extended, remote, fd, brs, esi;
    bool raw_dlc; /* classic frames may have a DLC above 8 */
    bool mix;     /* another kind of frame each time */
    enum gen_mode id_mode, length_mode, data_mode;
    uint32_t id;
    uint32_t length; /* bytes, or the DLC of a classic frame */
    uint8_t data[CANRING_FD_DATA_MAX];
    uint8_t random_bits[CANRING_FD_DATA_MAX]; /* bits of data that are random all the same */
    uint64_t seed;
};

struct generator {
    struct gen_rule rule; /* changes with `mix` */
    bool mixed;           /* the first frame is made as the rule says */
    uint64_t state;
    uint32_t next_id;
    uint32_t next_dlc;
    uint64_t next_data;
};

void generator_init(struct generator *generator, const struct gen_rule *rule);

/* The next frame: well formed; timestamp, number and sequence are zero. */
void generator_next(struct generator *generator, union canring_frame_buffer *frame);

#endif
