/* Log records in the order of time: a queue that late ones are sorted into.
 *
 * Used by collector.c twice: for what waits to be written in order, and for what is kept for the
 * report. Owns its records. Not thread-safe.
 */
#ifndef CANRING_COLLECTOR_RECORDS_H
#define CANRING_COLLECTOR_RECORDS_H

#include "proxy/log_record.h"

struct cr_records {
    struct cr_records_item {
        uint64_t time_ns; /* the record's, so that sorting and searching stay in this array */
        struct cr_log_record *record;
    } * items;
    size_t first, count, capacity;
    uint64_t bytes; /* of memory, roughly */
};

/* A copy in one block, for free(); NULL without memory. Neither name is terminated, `text` either.
 */
struct cr_log_record *cr_record_make(const struct cr_log_record *values, size_t process_bytes,
                                     size_t logger_bytes);
uint64_t cr_record_bytes(const struct cr_log_record *record);

/* Behind all records that are not later; the record becomes the queue's. -ENOMEM. */
int cr_records_add(struct cr_records *records, struct cr_log_record *record);
/* The earliest, NULL when there is none; take removes it and gives it to the caller. */
const struct cr_log_record *cr_records_first(const struct cr_records *records);
struct cr_log_record *cr_records_take(struct cr_records *records);
/* Index, from the earliest, of the first record that is not before `time_ns`. */
size_t cr_records_from(const struct cr_records *records, uint64_t time_ns);
const struct cr_log_record *cr_records_at(const struct cr_records *records, size_t index);
void cr_records_free(struct cr_records *records);

#endif
