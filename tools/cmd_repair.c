#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "output.h"
#include "recode.h"
#include "say.h"

static const char help[] =
    "usage: canring repair [OPTION…] FILE\n"
    "\n"
    "Finish a recording whose writer was killed, or that is damaged: everything that can be read "
    "is\n"
    "written in the same format, properly ended, and takes FILE's place; the old one is kept as\n"
    "FILE.bak. Nothing is changed when nothing is wrong.\n"
    "\n"
    "  -o, --output OUT   write OUT, leave FILE as it is; compressed if OUT ends with .gz or .zst\n"
    "  -f, --force        replace OUT, or FILE.bak, when it exists\n"
    "  -F, --format NAME  the format of FILE, when its content does not tell\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 nothing was wrong, or it is repaired; 1 it failed; 2 misuse.\n";

struct repair {
    const char *file;
    const char *output; /* NULL: in place */
    const char *format;
    bool force;
    struct recode_options recode;
    char written_format[16];
    char backup[PATH_MAX];
};

static int read_options(struct repair *repair, int argc, char **argv, bool *done)
{
    static const struct option words[] = {{"output", required_argument, NULL, 'o'},
                                          {"force", no_argument, NULL, 'f'},
                                          {"format", required_argument, NULL, 'F'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option;

    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":o:fF:h", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *done = true;
            return finish_output("repair");
        }
        if (option == 'o')
            repair->output = optarg;
        else if (option == 'f')
            repair->force = true;
        else if (option == 'F')
            repair->format = optarg;
        else
            return misuse_option("repair", option, argv);
    }
    if (argc - optind != 1)
        return misuse("repair", argc == optind ? "no FILE given" : "more than one FILE given");
    repair->file = argv[optind];
    if (strcmp(repair->file, "-") == 0)
        return misuse("repair", "standard input cannot be repaired in its place");
    return 0;
}

/* What the reader does not tell: how the whole is packed, and which TRC it is. */
static const char *look_at_head(struct repair *repair)
{
    char head[64] = "";
    int fd = open(repair->file, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, head, sizeof(head) - 1);

    if (fd >= 0)
        close(fd);
    if (got < 0)
        return "none";
    if (strcmp(repair->written_format, "trc") == 0 && strstr(head, "FILEVERSION=1.1"))
        snprintf(repair->written_format, sizeof(repair->written_format), "trc1.1");
    if (memcmp(head, "\x1f\x8b", 2) == 0)
        return "gz";
    return memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 ? "zst" : "none";
}

/* What reading it all once has shown. */
struct findings {
    bool wrong;
    bool fine;        /* its times need nanoseconds */
    uint64_t foreign; /* packets that are not written back */
};

static int examine(struct repair *repair, struct findings *findings)
{
    char *paths[] = {NULL};
    char *copy = strdup(repair->file);
    struct recode recode;

    paths[0] = copy;
    repair->recode = (struct recode_options){.command = "repair", .digits = 6};
    int status = recode_open(&recode, &repair->recode, paths, copy ? 1 : 0, repair->format);
    if (status == 0 && recode.count) {
        snprintf(repair->written_format, sizeof(repair->written_format), "%s",
                 canring_trace_reader_format(recode.inputs[0].reader));
        status = recode_run(&recode);
        findings->wrong = recode.damage.count || recode.unfinished;
        findings->fine = recode.cut > 0;
        findings->foreign = canring_trace_reader_foreign(recode.inputs[0].reader);
    }
    recode_close(&recode);
    free(copy);
    return status;
}

static void tell(const struct repair *repair, const struct recode *recode)
{
    printf("%s: %llu entries kept%s, %llu damaged places passed over%s%s%s\n", repair->file,
           (unsigned long long)recode->written,
           recode->damage.pieces ? " (some may be wrong: its compression is damaged)" : "",
           (unsigned long long)recode->damage.count,
           recode->unfinished ? ", the end was missing" : "",
           repair->output ? "; written to " : "; the old file is ",
           repair->output ? repair->output : repair->backup);
}

/* What would be gone with the old file is not overwritten. */
static int refuse_loss(const struct repair *repair, uint64_t packets)
{
    if (repair->output || packets == 0)
        return 0;
    say("repair",
        "%s: it is damaged, and holds %llu packets that cannot be written back: -o NAME writes the "
        "others to a file of their own",
        repair->file, (unsigned long long)packets);
    return EXIT_FAILURE;
}

/* Formats that read more about frames than is written in them. */
static int refuse_poorer(const struct repair *repair, const struct recode *recode)
{
    uint64_t losses = recode->refused - recode->refused_frames;
    uint64_t sent = recode->options->no_direction ? recode->sent : 0;

    if (repair->output || losses + sent == 0)
        return 0;
    say("repair",
        "%s: it is damaged, and tells of losses in %llu places and of %llu frames that they were "
        "sent, which cannot be written back: -o NAME writes a file of its own without that",
        repair->file, (unsigned long long)losses, (unsigned long long)sent);
    return EXIT_FAILURE;
}

static bool has_no_direction(const char *format)
{
    return strcmp(format, "candump") == 0 || strcmp(format, "pcap") == 0;
}

static int write_whole(struct repair *repair, const struct canring_trace_writer_options *options)
{
    char *copy = strdup(repair->file);
    char *paths[] = {copy};
    struct recode_options quiet = {.command = "repair",
                                   .quiet = true, /* it was told before */
                                   .no_direction = has_no_direction(options->format)};
    const struct output_inputs inputs = {paths, 1};
    struct recode recode;
    struct output output = {0};

    int status = recode_open(&recode, &quiet, paths, copy ? 1 : 0, repair->format);
    if (status == 0)
        status = output_open(&output, "repair", repair->output ? repair->output : repair->file,
                             &inputs, options);
    if (status == 0) {
        recode.writer = output.writer;
        status = recode_run(&recode);
        recode_tell(&recode, options->format);
        if (status == 0)
            status = refuse_loss(repair, recode.refused_frames);
        if (status == 0)
            status = refuse_poorer(repair, &recode);
    }
    if (status)
        output_discard(&output);
    else
        status = output_commit(&output, repair->output ? NULL : repair->backup);
    if (status == 0)
        tell(repair, &recode);
    recode_close(&recode);
    free(copy);
    return status;
}

/* An older original must not be lost to one that was repaired before. What a link points to may be
 * in another file system: the backup is beside that. */
static int choose_backup(struct repair *repair)
{
    int result = output_resolve(repair->file, repair->backup);
    size_t length = result < 0 ? 0 : strlen(repair->backup);

    if (result == 0 && length + sizeof(".bak") > sizeof(repair->backup))
        result = -ENAMETOOLONG;
    if (result < 0) {
        say("repair", "%s: %s", repair->file, strerror(-result));
        return EXIT_FAILURE;
    }
    memcpy(repair->backup + length, ".bak", sizeof(".bak"));
    if (repair->force || access(repair->backup, F_OK) < 0)
        return 0;
    say("repair", "%s exists: --force replaces it", repair->backup);
    return EXIT_FAILURE;
}

/* Only formats of lines are written compressed as a whole; the others compress in their own way, or
 * not at all. */
static int refuse_packed(const struct repair *repair, const char *compression)
{
    static const char *const plain[] = {"blf", "pcapng", "pcap"};
    bool found = false;

    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        found |= strcmp(repair->written_format, plain[i]) == 0;
    if (!found || strcmp(compression, "none") == 0)
        return 0;
    say("repair",
        "%s: format '%s' is not written compressed as a whole: -o NAME, without .%s at its end, "
        "writes it as it is",
        repair->file, repair->written_format, compression);
    return EXIT_FAILURE;
}

/* It is read twice, and replaced. */
static int refuse_others(const struct repair *repair)
{
    struct stat status;

    if (stat(repair->file, &status) < 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
        return 0; /* opening it tells the rest */
    say("repair", "%s is not a regular file", repair->file);
    return EXIT_FAILURE;
}

static int prepare_place(struct repair *repair, const char *compression,
                         const struct findings *found)
{
    if (refuse_packed(repair, compression) || refuse_loss(repair, found->foreign))
        return EXIT_FAILURE;
    return choose_backup(repair);
}

static int run(struct repair *repair)
{
    struct findings found = {0};
    int status = refuse_others(repair);

    if (status == 0)
        status = examine(repair, &found);
    if (status)
        return status;
    if (!found.wrong && !repair->output) {
        printf("%s: nothing is wrong with it\n", repair->file);
        return 0;
    }
    const char *compression = look_at_head(repair);
    if (!repair->output)
        status = prepare_place(repair, compression, &found);
    if (status)
        return status;
    const struct canring_trace_writer_options options = {
        .format = repair->written_format,
        .compression = repair->output ? NULL : compression,
        .time_digits = found.fine ? 9 : 0,
        .overwrite = !repair->output || repair->force,
        .sync_ns = UINT64_MAX / 2, /* at the end: then the old one may go */
    };
    return write_whole(repair, &options);
}

int cmd_repair(int argc, char **argv)
{
    static struct repair repair; /* with its path too large for a stack */
    bool done = false;
    int result = read_options(&repair, argc, argv, &done);

    if (result || done)
        return result;
    result = run(&repair);
    return finish_output("repair") ? EXIT_FAILURE : result;
}
