#include <canring/error.h>

#include <stdio.h>
#include <string.h>

/* File names and other input may hold anything. */
static void keep_on_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

int canring_error_set(struct canring_error *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        keep_on_one_line(err->text);
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
    keep_on_one_line(text);
    memcpy(err->text, text, sizeof(text));
    return err->code;
}
