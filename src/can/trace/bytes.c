#include "can/trace/bytes.h"

#include <stdarg.h>
#include <stdio.h>

void cr_bytes_print(struct cr_bytes *bytes, const char *format, ...)
{
    size_t room = bytes->size - bytes->used;
    va_list args;

    va_start(args, format);
    int length = vsnprintf((char *)bytes->data + bytes->used, room, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= room)
        bytes->overflow = true; /* vsnprintf wants room for its NUL */
    else
        bytes->used += (size_t)length;
}
