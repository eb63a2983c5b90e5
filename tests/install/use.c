#include <canring/ring.h>
#include <canring/text.h>
#include <stdio.h>

int main(void)
{
    struct canring_error err;
    union canring_frame_buffer frame;
    char text[CANRING_TEXT_MAX];
    if (canring_frame_parse(&frame, "123#1122", 8, &err) < 0 ||
        canring_frame_format(&frame.frame, text, sizeof(text)) < 0)
        return 1;
    return puts(text) < 0;
}
