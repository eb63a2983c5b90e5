/* Acceptance filters, as users of SocketCAN and can-utils write them.
 *
 * A filter list accepts a data or remote frame when any filter matches (all of them
 * when `join` is set), and an error frame when its class bits meet `error_mask`. An
 * empty list accepts every data and remote frame.
 */
#ifndef CANRING_FILTER_H
#define CANRING_FILTER_H

#include <canring/error.h>
#include <canring/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A frame matches when (frame.id & mask) == (id & mask), or does not when `inverted`.
 * CANRING_ID_EXTENDED and CANRING_ID_REMOTE take part when `mask` has them. */
struct canring_filter {
    uint32_t id;
    uint32_t mask;
    bool inverted;
};

struct canring_filters {
    struct canring_filter *list; /* `count` of them; owned by whoever made the struct */
    size_t count;
    uint32_t error_mask; /* CAN_ERR_* class bits of <linux/can/error.h>; 0 = no error frames */
    bool join;           /* all must match */
    bool given;          /* asked for, if empty: where no filters mean everything, error frames
                            too, these say no to them */
};

/* Parse can-utils' syntax after the interface name: `id:mask` | `id~mask` (inverted) |
 * `#errormask` | `j`, comma separated, hex; an id of 8 digits sets CANRING_ID_EXTENDED.
 * "" is the empty list. On success the caller frees with canring_filters_free. Errors:
 * -EINVAL naming the part that is wrong and its column; -ENOMEM. */
int canring_filters_parse(struct canring_filters *filters, const char *text,
                          struct canring_error *err);
void canring_filters_free(struct canring_filters *filters);

/* Whether the list accepts the frame. Linear in `count`; no system call. XL frames match by
 * their priority. */
bool canring_filters_match(const struct canring_filters *filters,
                           const struct canring_frame *frame);

#ifdef __cplusplus
}
#endif
#endif
