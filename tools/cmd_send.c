#include <canring/text.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "say.h"
#include "source.h"

/* A bus that takes nothing for a second is stuck: nobody wants to wait longer at a prompt. */
#define SEND_TIMEOUT_MS 1000

static const char help[] =
    "usage: canring send TARGET FRAME…\n"
    "\n"
    "Send the frames in order. TARGET: vcan0, virtual:NAME, udp_multicast:GROUP%NETDEV,\n"
    "pcan:PCAN_USBBUS1.\n"
    "\n"
    "FRAME:\n"
    "  123#1122334455667788      standard id, up to 8 bytes, dots between them allowed\n"
    "  12345678#11.22.33         extended id: 8 digits\n"
    "  123#R  123#R4  123#R8_9   remote frame, with its length, with its raw DLC\n"
    "  123#1122334455667788_E    raw DLC of a frame of 8 bytes\n"
    "  123##1112233              CAN FD: flags 1 BRS, 2 ESI; filled up to the next FD length\n"
    "  45123#81:00:12345678#11   CAN XL: VCID, priority, flags, SDU type, acceptance field\n"
    "\n"
    "  -h, --help\n";

static void report(void *arg, int level, const char *text)
{
    (void)arg;
    (void)level;
    say("send", "%s", text);
}

static int parse(union canring_frame_buffer *frame, const char *text)
{
    struct canring_error err = {0};

    if (canring_frame_parse(frame, text, strlen(text), &err) == 0)
        return 0;
    say("send", "frame '%s': %s", text, err.text);
    show_column(text, &err);
    return EXIT_MISUSE;
}

/* All of them, before any is sent: a typing error must not leave half a sequence on the bus. */
static int check_frames(char **texts, int count)
{
    union canring_frame_buffer frame;
    int result = 0;

    for (int i = 0; i < count && result == 0; i++)
        result = parse(&frame, texts[i]);
    return result;
}

static int send_frames(struct source *source, char **texts, int count)
{
    union canring_frame_buffer frame;

    for (int i = 0; i < count; i++) {
        if (parse(&frame, texts[i]))
            return EXIT_MISUSE;
        int result = source->kind->send(source, &frame.frame, SEND_TIMEOUT_MS);
        if (result) {
            say("send", "frame '%s': %s", texts[i],
                result == -EAGAIN ? "the bus had no room for a second" : strerror(-result));
            return EXIT_FAILURE;
        }
    }
    return 0;
}

static int send_to(char *target, char **texts, int count)
{
    struct canring_bus_options options;
    struct canring_error err = {0};
    struct source source;

    int result = source_check_sendable("send", target);
    if (result)
        return result;
    source_send_only(&options);
    options.report = report;
    result = source_open(&source, target, &options, &err);
    if (result) {
        say("send", "%s: %s", target, err.text);
        return exit_status(result);
    }
    result = send_frames(&source, texts, count);
    if (result == 0)
        result = source_finish(&source, "send", target);
    source.kind->close(&source);
    return result;
}

int cmd_send(int argc, char **argv)
{
    static const struct option words[] = {{"help", no_argument, NULL, 'h'}, {0}};
    int option;

    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, "+:h", words, NULL)) != -1) {
        if (option != 'h')
            return misuse_option("send", option, argv);
        fputs(help, stdout);
        return finish_output("send");
    }
    int count = argc - optind - 1;
    if (count < 1)
        return misuse("send", count < 0 ? "no TARGET given" : "no FRAME given");
    int result = check_frames(argv + optind + 1, count);
    return result ? result : send_to(argv[optind], argv + optind + 1, count);
}
