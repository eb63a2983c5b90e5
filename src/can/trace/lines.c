#include "can/trace/lines.h"

#include <errno.h>

int cr_lines_damaged(const struct cr_trace_source *source, struct canring_error *err,
                     const char *what)
{
    return canring_error_set(err, -EINVAL, "%s:%llu: %s", source->path,
                             (unsigned long long)cr_trace_input_lines(source->input), what);
}

static int unreadable(const struct cr_trace_source *source, struct canring_error *err, int result)
{
    return canring_error_set(err, result, "%s: cannot read on: %s", source->path,
                             strerror(-result));
}

static int skip_overlong(struct cr_trace_source *source, struct canring_error *err)
{
    const char *text;
    size_t length;
    int result;

    while ((result = cr_trace_input_line(source->input, &text, &length)) == 1 &&
           text[length - 1] != '\n')
        ;
    if (result < 0)
        return unreadable(source, err, result);
    source->unfinished = result == 0;
    return cr_lines_damaged(source, err, "a line longer than any frame's");
}

int cr_lines_next(struct cr_trace_source *source, struct cr_fields *line, struct canring_error *err)
{
    const char *text;
    size_t length;
    int result = cr_trace_input_line(source->input, &text, &length);

    if (result <= 0)
        return result < 0 ? unreadable(source, err, result) : 0;
    bool whole = text[length - 1] == '\n';
    if (!whole && length == CR_TRACE_WINDOW)
        return skip_overlong(source, err);
    length -= whole;
    if (length && text[length - 1] == '\r')
        length--;
    *line = (struct cr_fields){.at = text, .end = text + length};
    if (whole)
        return 1;
    source->unfinished = true;
    return CR_LINE_CUT;
}
