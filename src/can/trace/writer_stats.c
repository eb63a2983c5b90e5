#include "can/trace/writer_stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A reader gives up after so many attempts: a torn name is better than a loop without an end. */
#define ATTEMPTS 8

void cr_writer_stats_set_path(struct cr_writer_stats *stats, const char *path)
{
    uint64_t words[CR_WRITER_PATH_WORDS] = {0};
    uint32_t version = atomic_load_explicit(&stats->path_version, memory_order_relaxed);

    memcpy(words, path, strnlen(path, sizeof(words) - 1));
    atomic_store_explicit(&stats->path_version, version + 1, memory_order_relaxed);
    /* Release on every word: whoever sees a new one sees the odd version, too. */
    for (size_t i = 0; i < CR_WRITER_PATH_WORDS; i++)
        atomic_store_explicit(&stats->path[i], words[i], memory_order_release);
    atomic_store_explicit(&stats->path_version, version + 2, memory_order_release);
}

static void read_path(const struct cr_writer_stats *stats, char *path, size_t size)
{
    uint64_t words[CR_WRITER_PATH_WORDS];
    uint32_t version;

    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        version = atomic_load_explicit(&stats->path_version, memory_order_acquire);
        for (size_t i = 0; i < CR_WRITER_PATH_WORDS; i++)
            words[i] = atomic_load_explicit(&stats->path[i], memory_order_acquire);
        if (!(version & 1) &&
            version == atomic_load_explicit(&stats->path_version, memory_order_relaxed))
            break;
    }
    memcpy(path, words, size);
    path[size - 1] = '\0';
}

void cr_writer_stats_read(const struct cr_writer_stats *stats,
                          struct canring_trace_writer_stats *copy)
{
    *copy = (struct canring_trace_writer_stats){
        .frames = atomic_load_explicit(&stats->frames, memory_order_relaxed),
        .lost = atomic_load_explicit(&stats->lost, memory_order_relaxed),
        .refused = atomic_load_explicit(&stats->refused, memory_order_relaxed),
        .discarded = atomic_load_explicit(&stats->discarded, memory_order_relaxed),
        .discarded_frames = atomic_load_explicit(&stats->discarded_frames, memory_order_relaxed),
        .files = atomic_load_explicit(&stats->files, memory_order_relaxed),
        .file_bytes = atomic_load_explicit(&stats->file_bytes, memory_order_relaxed),
        .error = atomic_load_explicit(&stats->error, memory_order_relaxed),
    };
    read_path(stats, copy->path, sizeof(copy->path));
}

void cr_writer_report(const struct cr_writer_stats *stats, int level, const char *format, ...)
{
    char text[CANRING_ERROR_TEXT];
    va_list args;

    if (!stats->report)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    stats->report(stats->report_arg, level, text);
}
