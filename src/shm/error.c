#include <canring/error.h>

#include <stdio.h>
#include <string.h>

int canring_error_set(struct canring_error *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        err->code = code;
    }
    return code;
}

int canring_error_prefix(struct canring_error *err, const char *format, ...)
{
    if (!err)
        return 0;
    char prefix[CANRING_ERROR_TEXT / 2], text[CANRING_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);
    int room = (int)(sizeof(text) - strlen(prefix) - sizeof(": "));
    snprintf(text, sizeof(text), "%s: %.*s", prefix, room, err->text);
    memcpy(err->text, text, sizeof(text));
    return err->code;
}
