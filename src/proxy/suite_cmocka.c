#include "proxy/suite_cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN     "[ RUN      ] "
#define GROUP   "[==========] "
#define DETAIL  "[  ERROR   ] --- "
#define PLACE   "[   LINE   ] --- "
#define BROKEN  "[  ERROR   ] "
#define FAILED  "[  FAILED  ] "
#define FIXTURE "[  FAILED  ] GROUP "

#define COUNT_DIGITS 7 /* nobody has more cases in a group */

static const struct end {
    const char *mark;
    enum canring_outcome outcome;
} ends[] = {{"[       OK ] ", CANRING_OUTCOME_PASSED},
            {FAILED, CANRING_OUTCOME_FAILED},
            {"[  SKIPPED ] ", CANRING_OUTCOME_SKIPPED},
            {BROKEN, CANRING_OUTCOME_ERROR}};

/* What stands behind `mark`, which follows what the test wrote without an end of line. */
static const char *behind(const char *line, const char *mark)
{
    const char *at = strstr(line, mark);
    return at ? at + strlen(mark) : NULL;
}

static void add_detail(struct cr_cmocka *reader, const char *text)
{
    size_t used = strlen(reader->details);
    snprintf(reader->details + used, sizeof(reader->details) - used, "%s%s", used ? "\n" : "",
             text);
}

/* The count in "Running 3 test(s)", where anybody may stand in front. */
static bool read_count(const char *text, uint64_t *count)
{
    while ((text = behind(text, "Running ")) != NULL) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > COUNT_DIGITS || strncmp(text + digits, " test(s)", 8) != 0)
            continue;
        *count = strtoul(text, NULL, 10);
        return true;
    }
    return false;
}

/* "Running 3 test(s)." and "3 test(s) run.", with the group's name in front as of cmocka 1.1.6. */
static void read_group(struct cr_cmocka *reader, const char *text)
{
    uint64_t count;
    if (read_count(text, &count)) {
        reader->is_cmocka = reader->in_group = true;
        reader->expected += count;
    } else if (strstr(text, " test(s) run")) {
        reader->in_group = false;
    }
}

static void end_case(struct cr_cmocka *reader, enum canring_outcome outcome)
{
    char message[CR_CMOCKA_LINE] = "";
    if (outcome == CANRING_OUTCOME_ERROR && !reader->details[0])
        snprintf(message, sizeof(message), "its setup or teardown failed");
    else
        snprintf(message, sizeof(message), "%.*s", (int)strcspn(reader->details, "\n"),
                 reader->details);
    cr_cases_result(reader->cases, outcome, message[0] ? message : NULL,
                    reader->details[0] ? reader->details : NULL);
    reader->details[0] = '\0';
}

/* True when the line ends the open case. */
static bool read_end(struct cr_cmocka *reader, const char *line)
{
    char name[CR_CASE_NAME_MAX];
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        const char *text = behind(line, ends[i].mark);
        if (!text)
            continue;
        cr_case_name(name, text);
        if (strcmp(name, reader->cases->name) != 0)
            continue;
        end_case(reader, ends[i].outcome);
        return true;
    }
    return false;
}

static void read_in_case(struct cr_cmocka *reader, const char *line)
{
    const char *text = behind(line, DETAIL);
    if (!text)
        text = behind(line, PLACE);
    if (text)
        add_detail(reader, text);
}

static void fixture_failed(struct cr_cmocka *reader, const char *which)
{
    reader->fixture_failed = true;
    cr_cases_lone(reader->cases, reader->cases->stem,
                  strncmp(which, "SETUP", 5) == 0 ? "group setup" : "group teardown",
                  CANRING_OUTCOME_ERROR, "the group's fixture failed", NULL);
}

static bool read_line(struct cr_cmocka *reader, const char *line)
{
    const char *text = behind(line, GROUP);
    bool was_open = reader->cases->open;
    if (was_open) {
        if (read_end(reader, line))
            return true;
        read_in_case(reader, line);
    } else if (text) {
        read_group(reader, text);
    } else if (reader->is_cmocka && (text = behind(line, FIXTURE)) != NULL) {
        fixture_failed(reader, text);
    } else if (reader->in_group && (text = behind(line, RUN)) != NULL) {
        cr_cases_start(reader->cases, reader->cases->stem, text);
        return true;
    } else if (reader->in_group && strstr(line, FAILED)) {
        reader->contradiction = true;
    }
    return false;
}

static bool end_line(struct cr_cmocka *reader)
{
    for (size_t i = 0; i < reader->used; i++)
        if (reader->line[i] == '\0' || reader->line[i] == '\r')
            reader->line[i] = ' ';
    while (reader->used && reader->line[reader->used - 1] == ' ')
        reader->used--;
    reader->line[reader->used] = '\0';
    if (reader->used)
        memcpy(reader->last, reader->line, reader->used + 1);
    reader->used = 0;
    return read_line(reader, reader->line);
}

/* Of an overlong line the end is kept: that is where a mark may stand. */
static void append(struct cr_cmocka *reader, const char *text, size_t length)
{
    const size_t space = sizeof(reader->line) - 1;
    if (length > space) {
        text += length - space;
        length = space;
    }
    if (reader->used + length > space) {
        size_t drop = reader->used + length - space;
        memmove(reader->line, reader->line + drop, reader->used - drop);
        reader->used -= drop;
    }
    memcpy(reader->line + reader->used, text, length);
    reader->used += length;
}

bool cr_cmocka_feed(struct cr_cmocka *reader, const char *text, size_t size)
{
    bool moved = false;
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        append(reader, text, length);
        text += length;
        size -= length;
        if (end) {
            moved |= end_line(reader);
            text++;
            size--;
        }
    }
    return moved;
}

bool cr_cmocka_begins(const struct cr_cmocka *reader, const char *text, size_t size)
{
    return reader->in_group && !reader->cases->open && reader->used == 0 &&
           size >= sizeof(RUN) - 1 && memcmp(text, RUN, sizeof(RUN) - 1) == 0;
}

void cr_cmocka_finish(struct cr_cmocka *reader)
{
    if (reader->used)
        end_line(reader);
}
