#include <canring/frame.h>

#include <errno.h>

static bool is_fd_length(size_t length)
{
    return length <= 8 || length == 12 || length == 16 || length == 20 || length == 24 ||
           length == 32 || length == 48 || length == 64;
}

static int check_classic(const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);
    unsigned dlc = canring_frame_dlc(frame);

    if (canring_frame_is_remote(frame))
        return length == 0 ? 0 : -EBADMSG;
    return length == (dlc < CANRING_CC_DATA_MAX ? dlc : CANRING_CC_DATA_MAX) ? 0 : -EBADMSG;
}

static int check_xl(const struct canring_frame *frame)
{
    if (frame->size < CANRING_FRAME_HEADER + sizeof(struct canring_xl) + 1 ||
        frame->size > CANRING_FRAME_MAX)
        return -EBADMSG;
    if (frame->flags & (CANRING_FD | CANRING_BRS | CANRING_ESI | CANRING_DLC_MASK))
        return -EBADMSG;
    return frame->id <= CANRING_ID_MASK_STD ? 0 : -EBADMSG;
}

int canring_frame_check(const struct canring_frame *frame, size_t available)
{
    const unsigned known = CANRING_FD | CANRING_BRS | CANRING_ESI | CANRING_XL |
                           CANRING_CLOCK_MASK | CANRING_TX | CANRING_LOCAL | CANRING_DLC_MASK;

    if (available < CANRING_FRAME_HEADER || frame->size < CANRING_FRAME_HEADER ||
        frame->size > available || (frame->flags & ~known))
        return -EBADMSG;
    if (frame->flags & CANRING_XL)
        return check_xl(frame);
    if (!(frame->id & (CANRING_ID_EXTENDED | CANRING_ID_ERROR)) &&
        (frame->id & CANRING_ID_MASK_EXT) > CANRING_ID_MASK_STD)
        return -EBADMSG;
    if (!(frame->flags & CANRING_FD))
        return frame->flags & (CANRING_BRS | CANRING_ESI) ? -EBADMSG : check_classic(frame);
    if ((frame->id & (CANRING_ID_REMOTE | CANRING_ID_ERROR)) || (frame->flags & CANRING_DLC_MASK))
        return -EBADMSG;
    return is_fd_length(canring_frame_length(frame)) ? 0 : -EBADMSG;
}
