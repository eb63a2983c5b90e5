/* Until the log is merged: records go to standard error. Weak: whatever defines them better wins.
 */
#include <canring/log.h>

#include <stdio.h>

#define WEAK __attribute__((weak))

WEAK int canring_log_open(const char *process, struct canring_error *err)
{
    (void)process, (void)err;
    return 0;
}

WEAK void canring_log_close(void)
{
}

WEAK void canring_log(enum canring_log_level level, const char *logger, const char *format, ...)
{
    va_list args;
    if (level < CANRING_LOG_WARNING)
        return;
    char text[CANRING_LOG_TEXT_MAX];
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "[%d] %s: %s\n", (int)level, logger, text);
}
