#include "capture_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define MB 1e6

void capture_print_init(struct capture_print *print, bool quiet, uint64_t now_ns)
{
    *print = (struct capture_print){.quiet = quiet,
                                    .live = !quiet && isatty(STDERR_FILENO),
                                    .begun_ns = now_ns,
                                    .last_ns = now_ns};
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

void capture_print_line(struct capture_print *print, const struct canring_recording_stats *stats,
                        uint64_t lost, uint64_t now_ns)
{
    uint64_t passed = now_ns - print->last_ns;
    double rate = passed ? (double)(stats->taken - print->last_frames) / seconds(passed) : 0;

    fprintf(stderr,
            "\r\033[K%.1f s  %" PRIu64 " frames  %.0f/s  lost %" PRIu64 "  dropped %" PRIu64
            "  reserve %.1f MB  %.1f MB in %" PRIu64 " file%s%s",
            seconds(now_ns - print->begun_ns), stats->taken, rate, lost, stats->dropped,
            (double)stats->waiting / MB, (double)stats->writer.file_bytes / MB, stats->writer.files,
            stats->writer.files == 1 ? "" : "s", stats->writer.error ? "  DISK FAILS" : "");
    print->shown = true;
    print->last_ns = now_ns;
    print->last_frames = stats->taken;
}

void capture_print_clear(struct capture_print *print)
{
    if (print->shown)
        fputs("\r\033[K", stderr);
    print->shown = false;
}

static void print_bus(const struct canring_capture_bus_stats *bus)
{
    fprintf(stderr,
            "  %-16s received %" PRIu64 "  lost before it was read %" PRIu64
            "  dropped for want of room %" PRIu64 "\n",
            bus->name, bus->received, bus->lost_kernel, bus->dropped);
}

void capture_print_summary(const struct capture_print *print,
                           const struct canring_recording_stats *stats,
                           const struct canring_capture_bus_stats *buses, unsigned count,
                           uint64_t now_ns)
{
    const struct canring_trace_writer_stats *writer = &stats->writer;

    if (!print->quiet)
        fprintf(stderr,
                "%" PRIu64 " frames written in %.1f s, %.1f MB in %" PRIu64 " file%s, the last is "
                "%s\n",
                stats->written, seconds(now_ns - print->begun_ns), (double)writer->file_bytes / MB,
                writer->files, writer->files == 1 ? "" : "s",
                writer->files ? writer->path : "none");
    for (unsigned i = 0; i < count; i++)
        if (!print->quiet || buses[i].lost_kernel || buses[i].dropped)
            print_bus(&buses[i]);
    if (stats->given_up)
        fprintf(stderr, "  given up with a disk that failed: %" PRIu64 "\n", stats->given_up);
    if (writer->refused)
        fprintf(stderr, "  not to be had in this format: %" PRIu64 "\n", writer->refused);
}
