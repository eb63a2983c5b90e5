#include "proxy/suite_progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX     (2u * CR_CASE_NAME_MAX)
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

static void make_key(char key[KEY_MAX], const char *class_name, const char *name)
{
    snprintf(key, KEY_MAX, "%.*s\n%.*s", (int)CR_CASE_NAME_MAX - 1, class_name,
             (int)CR_CASE_NAME_MAX - 1, name);
}

static int read_plan(struct cr_progress *reader, const json_t *line)
{
    char key[KEY_MAX];
    size_t i;
    const json_t *item;
    if (reader->planned)
        return -EPROTO;
    reader->planned = true;
    reader->left = json_object();
    reader->tags = json_incref(json_object_get(line, "tags"));
    json_array_foreach(json_object_get(line, "cases"), i, item)
    {
        const char *class_name = json_string_value(json_array_get(item, 0));
        const char *name = json_string_value(json_array_get(item, 1));
        if (!class_name || !name)
            return -EPROTO;
        make_key(key, class_name, name);
        json_object_set_new(reader->left, key, json_true());
    }
    return reader->left ? 0 : -ENOMEM;
}

static int read_start(struct cr_progress *reader, const json_t *line)
{
    char key[KEY_MAX];
    make_key(key, word_of(line, "class"), word_of(line, "name"));
    json_object_del(reader->left, key);
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
        char class_name[CR_CASE_NAME_MAX];
        snprintf(class_name, sizeof(class_name), "%.*s", (int)(end - key), key);
        cr_cases_not_run(reader->cases, class_name, end + 1, outcome, message);
    }
}

void cr_progress_free(struct cr_progress *reader)
{
    free(reader->line);
    json_decref(reader->left);
    json_decref(reader->tags);
    *reader = (struct cr_progress){0};
}
