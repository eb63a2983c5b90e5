/* Any bytes as a frame and as a line of a log: never a crash; what is accepted is a well-formed
 * frame, and its text reads back as the same frame. */
#include <stdlib.h>

#include <canring/text.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_round_trip(const struct canring_frame *frame)
{
    union canring_frame_buffer again;
    char text[CANRING_TEXT_MAX];
    char name[CANRING_TEXT_NAME];
    int length = canring_log_format(frame, "vcan0", 9, text, sizeof(text));

    require(canring_frame_check(frame, frame->size) == 0);
    require(length > 0 && (size_t)length == strlen(text));
    require(canring_log_parse(&again, name, text, (size_t)length, NULL) == 1);
    require(again.frame.size == frame->size && again.frame.id == frame->id);
    require(memcmp(again.frame.data, frame->data, frame->size - CANRING_FRAME_HEADER) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static union canring_frame_buffer frame;
    struct canring_error err;
    char name[CANRING_TEXT_NAME];
    const char *text = (const char *)data;

    if (canring_frame_parse(&frame, text, size, &err) == 0)
        require_round_trip(&frame.frame);
    if (canring_log_parse(&frame, name, text, size, &err) == 1)
        require_round_trip(&frame.frame);
    return 0;
}
