#include "can/trace/notes.h"

#include <errno.h>
#include <stdio.h>

#include "can/trace/digits.h"

#define OURS "canring:"

/* --- written ---------------------------------------------------------------------------------- */

static char *put_ns(char *to, int64_t ns)
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

    if (ns < 0)
        *to++ = '-';
    to = cr_put_decimal(to, size / CR_NS_PER_S);
    *to++ = '.';
    return cr_put_decimal_digits(to, size % CR_NS_PER_S, 9);
}

char *cr_note_put_zero(char *to, uint64_t ns)
{
    to = CR_PUT(to, OURS " zero ");
    return put_ns(to, (int64_t)ns);
}

char *cr_note_put_lost(char *to, uint64_t count, uint32_t channel, int64_t ns)
{
    to = CR_PUT(to, OURS " lost ");
    to = count ? cr_put_decimal(to, count) : CR_PUT(to, "some");
    to = CR_PUT(to, " frames on channel ");
    to = cr_put_decimal(to, channel);
    to = CR_PUT(to, " at ");
    return put_ns(to, ns);
}

char *cr_note_put_time(char *to, int64_t ns)
{
    to = CR_PUT(to, OURS " next at ");
    return put_ns(to, ns);
}

char *cr_note_put_frame(char *to, const struct canring_frame *frame)
{
    to = CR_PUT(to, OURS " next is ");
    int length = canring_frame_format(frame, to, CR_NOTE_ROOM / 2);
    to += length > 0 ? length : 0;
    return frame->flags & CANRING_TX ? CR_PUT(to, " Tx") : to;
}

char *cr_note_put_name(char *to, const struct cr_trace_name *name)
{
    to = CR_PUT(to, OURS " channel ");
    to = cr_put_decimal(to, name->channel);
    to = CR_PUT(to, " is ");
    return cr_put_text(to, name->name, strlen(name->name));
}

char *cr_note_put_channel(char *to, uint32_t channel)
{
    to = CR_PUT(to, OURS " channel ");
    to = cr_put_decimal(to, channel);
    return CR_PUT(to, " from here");
}

/* --- read ------------------------------------------------------------------------------------- */

/* The next field is `word`. */
static bool word(struct cr_fields *fields, const char *word)
{
    struct cr_field field;

    return cr_fields_next(fields, &field) && cr_field_is(field, word);
}

static bool number(struct cr_fields *fields, uint64_t max, uint64_t *value)
{
    struct cr_field field;

    return cr_fields_next(fields, &field) && cr_field_decimal(field, max, value);
}

static bool channel(struct cr_fields *fields, uint32_t *channel)
{
    uint64_t value;

    if (!number(fields, CR_TRACE_CHANNEL_MAX, &value) || value == 0)
        return false;
    *channel = (uint32_t)value;
    return true;
}

static bool seconds(struct cr_fields *fields, int64_t *ns)
{
    struct cr_field field;

    return cr_fields_next(fields, &field) && cr_field_time(field, CR_NS_PER_S, ns);
}

static bool parse_lost(struct cr_fields *fields, struct cr_note *note)
{
    struct cr_field count;

    note->kind = CR_NOTE_LOST;
    if (!cr_fields_next(fields, &count))
        return false;
    if (!cr_field_is(count, "some") && !cr_field_decimal(count, UINT64_MAX, &note->count))
        return false;
    return word(fields, "frames") && word(fields, "on") && word(fields, "channel") &&
           channel(fields, &note->channel) && word(fields, "at") && seconds(fields, &note->ns);
}

static bool parse_next(struct cr_fields *fields, struct cr_note *note)
{
    struct cr_fields rest = *fields;
    struct cr_field direction;

    if (word(&rest, "at")) {
        note->kind = CR_NOTE_TIME;
        *fields = rest;
        return seconds(fields, &note->ns);
    }
    note->kind = CR_NOTE_FRAME;
    if (!word(fields, "is") || !cr_fields_next(fields, &note->text))
        return false;
    rest = *fields;
    if (cr_fields_next(&rest, &direction) && cr_field_is(direction, "Tx")) {
        note->tx = true;
        *fields = rest;
    }
    return true;
}

static bool parse_channel(struct cr_fields *fields, struct cr_note *note)
{
    struct cr_field field;

    if (!channel(fields, &note->channel) || !cr_fields_next(fields, &field))
        return false;
    note->kind = cr_field_is(field, "is") ? CR_NOTE_NAME : CR_NOTE_CHANNEL;
    if (note->kind == CR_NOTE_NAME)
        return cr_fields_next(fields, &note->text);
    return cr_field_is(field, "from") && word(fields, "here");
}

static bool parse_kind(struct cr_fields *fields, struct cr_note *note)
{
    struct cr_field kind;

    if (!cr_fields_next(fields, &kind))
        return false;
    if (cr_field_is(kind, "lost"))
        return parse_lost(fields, note);
    if (cr_field_is(kind, "next"))
        return parse_next(fields, note);
    if (cr_field_is(kind, "channel"))
        return parse_channel(fields, note);
    note->kind = CR_NOTE_ZERO;
    return cr_field_is(kind, "zero") && seconds(fields, &note->ns) && note->ns >= 0;
}

/* `text` is what stands behind the mark of a comment. 1: a note; 0: another comment; -EINVAL: a
 * note that is damaged. */
static int parse_note(struct cr_fields text, struct cr_note *note)
{
    struct cr_field more;

    if (!word(&text, OURS))
        return 0;
    *note = (struct cr_note){0};
    return parse_kind(&text, note) && !cr_fields_next(&text, &more) ? 1 : -EINVAL;
}

/* --- error frames ----------------------------------------------------------------------------- */

/* 0 or -EINVAL: not an error frame. */
static int take_error(struct cr_note_error *error, const struct cr_note *note)
{
    union canring_frame_buffer buffer;
    struct canring_frame *frame = &buffer.frame;

    if (canring_frame_parse(&buffer, note->text.text, note->text.length, NULL) < 0 ||
        !canring_frame_is_error(frame))
        return -EINVAL;
    *error = (struct cr_note_error){
        .there = true, .id = frame->id, .flags = frame->flags, .size = frame->size};
    error->flags |= note->tx ? CANRING_TX : 0;
    memcpy(error->data, frame->data, canring_frame_length(frame));
    return 0;
}

void cr_note_error_apply(const struct cr_note_error *error, struct canring_frame *frame)
{
    if (!error->there)
        return;
    frame->id = error->id;
    frame->flags = error->flags;
    frame->size = error->size;
    memcpy(frame->data, error->data, canring_frame_length(frame));
}

/* --- names of channels ------------------------------------------------------------------------ */

static int plain_name(char *name, size_t size, uint32_t channel)
{
    return snprintf(name, size, "can%u", channel - 1);
}

bool cr_note_name_needed(const struct cr_trace_name *name)
{
    char plain[CANRING_TEXT_NAME];

    plain_name(plain, sizeof(plain), name->channel);
    return strcmp(plain, name->name) != 0;
}

/* 0 or -EINVAL: no such name. */
static int take_name(struct cr_note_names *known, struct cr_trace_names *names,
                     const struct cr_note *note)
{
    uint32_t i = 0;
    int bus = cr_trace_names_find(names, note->text.text, note->text.length);

    if (bus < 0)
        return -EINVAL;
    while (i < known->count && known->list[i].channel != note->channel)
        i++;
    if (i == CR_NOTE_NAMES)
        return 0; /* the others go by their numbers */
    known->list[i].channel = note->channel;
    known->list[i].bus = (uint32_t)bus;
    if (i == known->count)
        known->count++;
    return 0;
}

static enum cr_line_kind damaged(const char **what, const char *text)
{
    *what = text;
    return CR_LINE_DAMAGE;
}

static enum cr_line_kind take_loss(const struct cr_note *note, struct canring_trace_entry *entry)
{
    entry->kind = CANRING_TRACE_LOST;
    entry->lost = note->count;
    entry->bus = note->channel;
    entry->timestamp_ns = (uint64_t)note->ns;
    return CR_LINE_ENTRY;
}

enum cr_line_kind cr_note_take(struct cr_noted *noted, struct cr_trace_names *names,
                               struct cr_fields text, struct canring_trace_entry *entry,
                               const char **what)
{
    struct cr_note note;
    int found = parse_note(text, &note);

    if (found <= 0)
        return found ? damaged(what, "a damaged note of canring") : CR_LINE_NOTHING;
    switch (note.kind) {
    case CR_NOTE_ZERO:
        noted->zero_ns = note.ns;
        noted->zero_known = true;
        break;
    case CR_NOTE_LOST:
        return take_loss(&note, entry);
    case CR_NOTE_TIME:
        noted->next_at = true;
        noted->next_ns = note.ns;
        break;
    case CR_NOTE_FRAME:
        if (take_error(&noted->next, &note) < 0)
            return damaged(what, "a note of canring with a damaged frame");
        break;
    case CR_NOTE_NAME:
        if (take_name(&noted->channels, names, &note) < 0)
            return damaged(what, "a note of canring with a damaged name");
        break;
    case CR_NOTE_CHANNEL:
        noted->channel = note.channel;
        break;
    }
    return CR_LINE_NOTHING;
}

int cr_note_bus(const struct cr_note_names *known, struct cr_trace_names *names, uint32_t channel)
{
    char name[CANRING_TEXT_NAME];

    if (known->count == 0 || channel == 0)
        return cr_trace_names_channel(names, channel);
    for (uint32_t i = 0; i < known->count; i++)
        if (known->list[i].channel == channel)
            return (int)known->list[i].bus;
    /* A name that a note gave may have taken this number: what tells buses apart is the name. */
    int length = plain_name(name, sizeof(name), channel);
    return cr_trace_names_find(names, name, (size_t)length);
}
