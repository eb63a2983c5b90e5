#include "proxy/suite_progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_AT_MAX 1e8 /* seconds; what is later is nonsense */

static const char *text_of(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static const char *word_of(const json_t *line, const char *key)
{
    const char *text = text_of(line, key);
    return text ? text : "";
}

/* `by` more, or less, cases of that class and name are to begin. */
static int expect(struct cr_progress *reader, const char *class_name, const char *name, int by)
{
    char *key = NULL;
    if (asprintf(&key, "%s\n%s", class_name, name) < 0)
        return -ENOMEM;
    json_int_t count = json_integer_value(json_object_get(reader->left, key)) + by;
    int result = 0;
    if (count > 0)
        result = json_object_set_new(reader->left, key, json_integer(count));
    else
        json_object_del(reader->left, key);
    free(key);
    return result < 0 ? -ENOMEM : 0;
}

static int begin_plan(struct cr_progress *reader)
{
    reader->planned = true;
    reader->left = json_object();
    reader->tags = json_array();
    return reader->left && reader->tags ? 0 : -ENOMEM;
}

/* A long one comes in several lines. */
static int read_plan(struct cr_progress *reader, const json_t *line)
{
    size_t i;
    const json_t *item;
    int result = reader->planned ? 0 : begin_plan(reader);
    reader->plan_bytes += reader->used;
    if (reader->cases->started || reader->done || reader->plan_bytes > CR_PROGRESS_PLAN_MAX)
        return -EPROTO;
    json_array_extend(reader->tags, json_object_get(line, "tags"));
    json_array_foreach(json_object_get(line, "cases"), i, item)
    {
        const char *class_name = json_string_value(json_array_get(item, 0));
        const char *name = json_string_value(json_array_get(item, 1));
        if (!class_name || !name)
            return -EPROTO;
        if (result == 0)
            result = expect(reader, class_name, name, 1);
    }
    return result;
}

static int read_start(struct cr_progress *reader, const json_t *line)
{
    int result = expect(reader, word_of(line, "class"), word_of(line, "name"), -1);
    if (result < 0)
        return result;
    cr_cases_start(reader->cases, word_of(line, "class"), word_of(line, "name"));
    return 1;
}

static int outcome_of(const json_t *line)
{
    for (int outcome = 0; outcome <= CANRING_OUTCOME_SKIPPED; outcome++)
        if (strcmp(word_of(line, "outcome"), canring_outcome_name((unsigned)outcome)) == 0)
            return outcome;
    return -1;
}

static int read_end(struct cr_progress *reader, const json_t *line, bool lone)
{
    int outcome = outcome_of(line);
    if (outcome < 0 || (!lone && !reader->cases->open))
        return -EPROTO;
    if (lone)
        cr_cases_lone(reader->cases, word_of(line, "class"), word_of(line, "name"),
                      (unsigned)outcome, text_of(line, "message"), text_of(line, "details"));
    else
        cr_cases_result(reader->cases, (unsigned)outcome, text_of(line, "message"),
                        text_of(line, "details"));
    return 1;
}

static void read_step(const struct cr_progress *reader, const json_t *line)
{
    double at = json_number_value(json_object_get(line, "at"));
    struct canring_suite_step step = {.note = json_is_true(json_object_get(line, "note")),
                                      .passed = json_is_true(json_object_get(line, "passed")),
                                      .table = text_of(line, "table"),
                                      .message = text_of(line, "message"),
                                      .expression = text_of(line, "expression"),
                                      .expected = text_of(line, "expected"),
                                      .found = text_of(line, "found"),
                                      .at_ns =
                                          at > 0 && at < STEP_AT_MAX ? (int64_t)(at * 1e9) : 0};
    cr_cases_step(reader->cases, &step);
}

static int read_event(struct cr_progress *reader, const json_t *line)
{
    const char *event = word_of(line, "event");
    if (strcmp(event, "plan") == 0)
        return read_plan(reader, line);
    if (strcmp(event, "start") == 0)
        return read_start(reader, line);
    if (strcmp(event, "end") == 0)
        return read_end(reader, line, false);
    if (strcmp(event, "lone") == 0)
        return read_end(reader, line, true);
    if (strcmp(event, "step") == 0) {
        read_step(reader, line);
        return 0;
    }
    if (strcmp(event, "done") != 0)
        return -EPROTO;
    reader->done = true;
    return 0;
}

static int end_line(struct cr_progress *reader)
{
    json_t *line = json_loadb(reader->line, reader->used, 0, NULL);
    int result = line ? read_event(reader, line) : -EPROTO;
    json_decref(line);
    reader->used = 0;
    return result;
}

static int append(struct cr_progress *reader, const char *text, size_t size)
{
    if (size > CR_PROGRESS_LINE_MAX - reader->used)
        return -EPROTO;
    if (reader->used + size > reader->space) {
        size_t space = (reader->used + size) * 2;
        char *line = realloc(reader->line, space);
        if (!line)
            return -ENOMEM;
        reader->line = line;
        reader->space = space;
    }
    if (size)
        memcpy(reader->line + reader->used, text, size);
    reader->used += size;
    return 0;
}

int cr_progress_feed(struct cr_progress *reader, const char *text, size_t size)
{
    int moved = 0;
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        int result = append(reader, text, length);
        if (result == 0 && end)
            result = end_line(reader);
        if (result < 0)
            return result;
        moved |= result;
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
    return moved;
}

void cr_progress_give_up(struct cr_progress *reader, enum canring_outcome outcome, const char *why)
{
    char message[256];
    const char *key;
    json_t *value;
    snprintf(message, sizeof(message), "not run: %s", why);
    json_object_foreach(reader->left, key, value)
    {
        const char *end = strchr(key, '\n');
        char *class_name = strndup(key, (size_t)(end - key));
        for (json_int_t i = 0; class_name && i < json_integer_value(value); i++)
            cr_cases_not_run(reader->cases, class_name, end + 1, outcome, message);
        free(class_name);
    }
}

void cr_progress_free(struct cr_progress *reader)
{
    free(reader->line);
    json_decref(reader->left);
    json_decref(reader->tags);
    *reader = (struct cr_progress){0};
}
