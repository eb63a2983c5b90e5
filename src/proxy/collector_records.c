#include "proxy/collector_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cr_log_record *cr_record_make(const struct cr_log_record *values, size_t process_bytes,
                                     size_t logger_bytes)
{
    struct cr_log_record *record =
        malloc(sizeof(*record) + process_bytes + logger_bytes + values->text_bytes + 3);
    if (!record)
        return NULL;
    char *process = (char *)(record + 1), *logger = process + process_bytes + 1,
         *text = logger + logger_bytes + 1;
    *record = *values;
    memcpy(process, values->process, process_bytes);
    memcpy(logger, values->logger, logger_bytes);
    memcpy(text, values->text, values->text_bytes);
    process[process_bytes] = logger[logger_bytes] = text[values->text_bytes] = '\0';
    record->process = process;
    record->logger = logger;
    record->text = text;
    return record;
}

uint64_t cr_record_bytes(const struct cr_log_record *record)
{
    return (uint64_t)(record->text + record->text_bytes + 1 - (const char *)record) +
           sizeof(struct cr_records_item);
}

/* Room for one more behind the last. */
static int make_room(struct cr_records *r)
{
    if (r->first + r->count < r->capacity)
        return 0;
    if (r->first > r->capacity / 2) { /* so that moving is paid for by taking */
        memmove(r->items, r->items + r->first, r->count * sizeof(r->items[0]));
        r->first = 0;
        return 0;
    }
    size_t capacity = r->capacity ? r->capacity * 2 : 256;
    struct cr_records_item *items = reallocarray(r->items, capacity, sizeof(r->items[0]));
    if (!items)
        return -ENOMEM;
    r->items = items;
    r->capacity = capacity;
    return 0;
}

int cr_records_add(struct cr_records *r, struct cr_log_record *record)
{
    int result = make_room(r);
    if (result < 0)
        return result;
    size_t at = r->first + r->count;
    if (r->count && r->items[at - 1].time_ns > record->time_ns) {
        size_t end = at;
        at = r->first + cr_records_from(r, record->time_ns + 1);
        memmove(&r->items[at + 1], &r->items[at], (end - at) * sizeof(r->items[0]));
    }
    r->items[at] = (struct cr_records_item){.time_ns = record->time_ns, .record = record};
    r->count++;
    r->bytes += cr_record_bytes(record);
    return 0;
}

const struct cr_log_record *cr_records_first(const struct cr_records *r)
{
    return r->count ? r->items[r->first].record : NULL;
}

struct cr_log_record *cr_records_take(struct cr_records *r)
{
    if (!r->count)
        return NULL;
    struct cr_log_record *record = r->items[r->first++].record;
    r->count--;
    r->bytes -= cr_record_bytes(record);
    return record;
}

size_t cr_records_from(const struct cr_records *r, uint64_t time_ns)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->items[r->first + middle].time_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct cr_log_record *cr_records_at(const struct cr_records *r, size_t index)
{
    return index < r->count ? r->items[r->first + index].record : NULL;
}

void cr_records_free(struct cr_records *r)
{
    for (struct cr_log_record *record; (record = cr_records_take(r)) != NULL;)
        free(record);
    free(r->items);
    *r = (struct cr_records){0};
}
