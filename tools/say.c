#include "say.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

#define WORD_MAX 64

static void print_prefix(const char *command)
{
    fprintf(stderr, command ? "canring %s: " : "canring: ", command);
}

void say(const char *command, const char *format, ...)
{
    va_list args;

    print_prefix(command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int misuse(const char *command, const char *format, ...)
{
    va_list args;

    print_prefix(command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nSee 'canring help %s'.\n", command);
    return EXIT_MISUSE;
}

int misuse_option(const char *command, int result, char **argv)
{
    if (result == ':')
        return misuse(command, "option '%s' needs a value", argv[optind - 1]);
    if (optopt && isprint(optopt))
        return misuse(command, "no option '-%c'", optopt);
    return misuse(command, "no option '%s'", argv[optind - 1]);
}

void show_column(const char *text, const struct canring_error *err)
{
    const char *found = strstr(err->text, "column ");

    if (!found)
        return;
    unsigned long column = strtoul(found + strlen("column "), NULL, 10);
    if (column == 0 || strlen(text) > CANRING_ERROR_TEXT)
        return;
    fprintf(stderr, "  %s\n  %*s^\n", text, (int)(column - 1), "");
}

int exit_status(int result)
{
    return result == -EINVAL ? EXIT_MISUSE : EXIT_FAILURE;
}

bool read_number(const char *text, int base, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end;

    /* strtoull takes blanks and signs, too: a number here begins with a digit. */
    if (!isxdigit((unsigned char)*text))
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, base);
    if (errno || *end || number < least || number > most)
        return false;
    *value = number;
    return true;
}

static unsigned least_of(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Letters to insert, delete or replace to turn one word into the other. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[WORD_MAX + 1];
    size_t length = strlen(b);

    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least_of(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[length];
}

const char *nearest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = 3; /* further away than two letters is another word */

    if (strlen(word) > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        unsigned found = strlen(words[i]) > WORD_MAX ? best_distance : distance(word, words[i]);
        if (found < best_distance && found < strlen(words[i])) {
            best = words[i];
            best_distance = found;
        }
    }
    return best;
}

bool colours_wanted(void)
{
    const char *no_color = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

int finish_output(const char *command)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    say(command, "cannot write the output: %s", strerror(errno));
    return EXIT_FAILURE;
}

void say_foreign(const char *command, const char *file, uint64_t packets)
{
    if (packets)
        say(command, "%s: %llu packets of other link types or protocols than CAN were passed over",
            file, (unsigned long long)packets);
}
