#include "proxy/config_diagnostics.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/yaml_read.h"

#define TEXT_MAX 1024

/* A diagnostic is one line, must not move a terminal's cursor, and fits into JSON. What it
 * quotes may be anything: values with line ends, names of files in another encoding, a
 * character halved by cutting. */
static void make_printable(char *text)
{
    size_t length = strlen(text);

    for (size_t at = cr_yaml_text_length(text, length); at < length;
         at += cr_yaml_text_length(text + at, length - at))
        text[at] = '?';
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20)
            *text = ' ';
    }
}

static void keep(struct canring_diagnostics *diagnostics, enum canring_severity severity,
                 struct cr_mark at, const char *text)
{
    struct canring_diagnostic *list = diagnostics->list;
    char *file_copy = at.file ? strdup(at.file) : NULL;
    char *text_copy = strdup(text);

    if (file_copy)
        make_printable(file_copy);
    if (!list)
        list = diagnostics->list = calloc(CANRING_DIAGNOSTICS_MAX, sizeof(*list));
    if (!list || !text_copy || (at.file && !file_copy) ||
        diagnostics->count == CANRING_DIAGNOSTICS_MAX) {
        free(file_copy);
        free(text_copy);
        diagnostics->dropped++;
        return;
    }
    list[diagnostics->count++] = (struct canring_diagnostic){
        .severity = severity,
        .file = file_copy,
        .line = at.line,
        .column = at.column,
        .text = text_copy,
    };
}

bool cr_diagnostics_full(const struct canring_diagnostics *diagnostics)
{
    return diagnostics->count == CANRING_DIAGNOSTICS_MAX;
}

void cr_diagnostics_addv(struct canring_diagnostics *diagnostics, enum canring_severity severity,
                         struct cr_mark at, const char *format, va_list args)
{
    char text[TEXT_MAX];

    if (severity == CANRING_SEVERITY_ERROR)
        diagnostics->errors++;
    else
        diagnostics->warnings++;
    vsnprintf(text, sizeof(text), format, args);
    make_printable(text);
    keep(diagnostics, severity, at, text);
}

void cr_diagnostics_add(struct canring_diagnostics *diagnostics, enum canring_severity severity,
                        struct cr_mark at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cr_diagnostics_addv(diagnostics, severity, at, format, args);
    va_end(args);
}

const char *canring_severity_name(enum canring_severity severity)
{
    return severity == CANRING_SEVERITY_WARNING ? "warning" : "error";
}

int canring_diagnostic_format(const struct canring_diagnostic *diagnostic, char *text, size_t space)
{
    const char *file = diagnostic->file ? diagnostic->file : "canring";
    const char *severity = canring_severity_name(diagnostic->severity);

    if (diagnostic->line == 0)
        return snprintf(text, space, "%s: %s: %s", file, severity, diagnostic->text);
    return snprintf(text, space, "%s:%u:%u: %s: %s", file, diagnostic->line, diagnostic->column,
                    severity, diagnostic->text);
}

void canring_diagnostics_free(struct canring_diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        free((void *)(uintptr_t)diagnostics->list[i].file);
        free((void *)(uintptr_t)diagnostics->list[i].text);
    }
    free(diagnostics->list);
    memset(diagnostics, 0, sizeof(*diagnostics));
}
