#include "dump_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define COLOUR_OFF "\33[0m"

static const char *const colours[] = {
    "\33[1m\33[34m", "\33[1m\33[31m", "\33[1m\33[32m", "\33[1m", "\33[1m\33[35m", "\33[1m\33[36m",
};

#define COLOURS (sizeof(colours) / sizeof(*colours))

static char *put_text(char *to, const char *text)
{
    size_t length = strlen(text);

    memcpy(to, text, length);
    return to + length;
}

void dump_print_init(struct dump_print *print, const struct dump_options *options)
{
    memset(print, 0, sizeof(*print));
    print->options = options;
    print->view = options->view;
    print->last_second = UINT64_MAX;
}

void dump_print_expect(struct dump_print *print, const char *name)
{
    int length = (int)strnlen(name, CANRING_TEXT_NAME - 1);

    if (length > print->width)
        print->width = length;
}

/* Number of the interface in the order they were seen; remembers a new one. */
static unsigned name_index(struct dump_print *print, const char *name)
{
    unsigned i = 0;

    while (i < print->name_count && strcmp(print->names[i], name) != 0)
        i++;
    if (i < print->name_count || i == DUMP_NAMES_MAX)
        return i;
    snprintf(print->names[i], sizeof(print->names[i]), "%s", name);
    dump_print_expect(print, name);
    print->name_count++;
    return i;
}

/* Local date and time of a second; frames of one second share the work. */
static const char *date_of(struct dump_print *print, uint64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm local;

    if (seconds != print->last_second) {
        localtime_r(&time, &local);
        strftime(print->date, sizeof(print->date), "%Y-%m-%d %H:%M:%S", &local);
        print->last_second = seconds;
    }
    return print->date;
}

static uint64_t ticks_passed(struct dump_print *print, uint64_t tick)
{
    if (print->last_tick == 0)
        print->last_tick = tick;
    uint64_t passed = tick > print->last_tick ? tick - print->last_tick : 0;
    if (print->options->stamp == 'd')
        print->last_tick = tick;
    return passed;
}

static char *put_stamp(struct dump_print *print, char *to, uint64_t timestamp_ns)
{
    const bool fine = print->options->nanoseconds;
    const uint64_t second = fine ? 1000000000 : 1000000;
    const int digits = fine ? 9 : 6;
    uint64_t tick = timestamp_ns / (fine ? 1 : 1000);
    int length = 0;

    switch (print->options->stamp) {
    case 'a':
        length = snprintf(to, 64, "(%010" PRIu64 ".%0*" PRIu64 ") ", tick / second, digits,
                          tick % second);
        break;
    case 'A':
        length = snprintf(to, 64, "(%s.%0*" PRIu64 ") ", date_of(print, tick / second), digits,
                          tick % second);
        break;
    case 'd':
    case 'z':
        tick = ticks_passed(print, tick);
        length = snprintf(to, 64, "(%03" PRIu64 ".%0*" PRIu64 ") ", tick / second, digits,
                          tick % second);
        break;
    }
    return to + length;
}

static char *put_name(const struct dump_print *print, char *to, const char *name)
{
    size_t length = strnlen(name, CANRING_TEXT_NAME - 1);
    size_t blanks = (size_t)print->width > length ? (size_t)print->width - length : 0;

    memset(to, ' ', blanks);
    memcpy(to + blanks, name, length);
    return to + blanks + length;
}

static bool sent_here(const struct canring_frame *frame)
{
    return (frame->flags & (CANRING_TX | CANRING_LOCAL)) != 0;
}

static char *put_info(char *to, const struct canring_frame *frame)
{
    to = put_text(to, sent_here(frame) ? "  TX " : "  RX ");
    *to++ = frame->flags & CANRING_BRS ? 'B' : '-';
    *to++ = ' ';
    *to++ = frame->flags & CANRING_ESI ? 'E' : '-';
    return to;
}

size_t dump_print_console(struct dump_print *print, const struct canring_frame *frame,
                          const char *name, char *line)
{
    const struct dump_options *options = print->options;
    const char *colour = colours[name_index(print, name) % COLOURS];
    char *to = line;

    if (frame->id & CANRING_ID_EXTENDED)
        print->view.indent = true;
    to = put_text(to, " ");
    to = put_text(to, options->colour == 3 ? colour : "");
    to = put_stamp(print, to, frame->timestamp_ns);
    to = put_text(to, " ");
    to = put_text(to, options->colour == 1 || options->colour == 2 ? colour : "");
    to = put_name(print, to, name);
    if (options->info)
        to = put_info(to, frame);
    to = put_text(to, options->colour == 1 ? COLOUR_OFF "  " : "  ");
    to += long_format(to, frame, &print->view);
    if (options->errors && canring_frame_is_error(frame))
        to += error_words(to, LONG_FORMAT_MAX, frame, "\n\t");
    to = put_text(to, options->colour > 1 ? COLOUR_OFF "\n" : "\n");
    return (size_t)(to - line);
}

size_t dump_print_log(struct dump_print *print, const struct canring_frame *frame, const char *name,
                      bool aligned, char *line)
{
    char padded[2 * CANRING_TEXT_NAME];

    name_index(print, name);
    if (aligned)
        *put_name(print, padded, name) = '\0';
    int length = canring_log_format(frame, aligned ? padded : name,
                                    print->options->nanoseconds ? 9 : 6, line, DUMP_LINE_MAX);
    if (length < 0)
        return 0;
    if (!print->options->info)
        return (size_t)length;
    char *end = put_text(line + length - 1, sent_here(frame) ? " T\n" : " R\n");
    return (size_t)(end - line);
}
