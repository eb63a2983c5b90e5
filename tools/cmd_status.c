#include <canring/proxy.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"

static const char help_status[] =
    "usage: canring status [--json] [NAME]…\n"
    "\n"
    "What the running proxies and their channels have done so far. NAME: a proxy or a channel.\n"
    "\n"
    "  -j, --json   as JSON, everything that is known\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0, or 1 when nothing of that name runs or a proxy does not tell.\n";

static const char help_list[] = "usage: canring list [--json]\n"
                                "\n"
                                "The running proxies and their channels, one a line.\n"
                                "\n"
                                "  -j, --json   as JSON, everything that is known\n"
                                "  -h, --help\n";

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "-";
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool wanted(const json_t *proxy, const json_t *channel, char *const *names, int count)
{
    if (count == 0)
        return true;
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], text(proxy, "name")) == 0 ||
            (channel && strcmp(names[i], text(channel, "name")) == 0))
            return true;
    return false;
}

static void list_channel(const json_t *proxy, const json_t *channel)
{
    char who[64] = "free";
    if (json_is_true(json_object_get(channel, "attached")))
        snprintf(who, sizeof(who), "pid %" JSON_INTEGER_FORMAT, number(channel, "pid"));
    printf("%s/%s\t%s\t%s\t%s\n", text(proxy, "name"), text(channel, "name"),
           text(json_object_get(proxy, "bus"), "name"), text(channel, "auxiliary"), who);
}

static void show_trace(const char *what, const json_t *trace)
{
    if (!json_is_object(trace))
        return;
    printf("  %-8s written %" JSON_INTEGER_FORMAT "  dropped %" JSON_INTEGER_FORMAT
           "  lost in kernel %" JSON_INTEGER_FORMAT "  files %" JSON_INTEGER_FORMAT "  %s",
           what, number(trace, "written"), number(trace, "dropped") + number(trace, "discarded"),
           number(trace, "lost_kernel"), number(trace, "files"), text(trace, "path"));
    if (number(trace, "error"))
        printf("  cannot be written: %s", strerror((int)-number(trace, "error")));
    putchar('\n');
}

static void show_bus(const json_t *proxy)
{
    const json_t *bus = json_object_get(proxy, "bus");
    printf("%s  pid %" JSON_INTEGER_FORMAT "  %s %s (%s)  loop %s\n", text(proxy, "name"),
           number(proxy, "pid"), text(bus, "interface"), text(bus, "name"), text(bus, "state"),
           text(proxy, "loop"));
    printf("  bus      received %" JSON_INTEGER_FORMAT "  lost in kernel %" JSON_INTEGER_FORMAT
           "  sent %" JSON_INTEGER_FORMAT "  waiting %" JSON_INTEGER_FORMAT
           "  expired %" JSON_INTEGER_FORMAT "  refused %" JSON_INTEGER_FORMAT "\n",
           number(bus, "rx_frames"), number(bus, "rx_lost_kernel"), number(bus, "tx_frames"),
           number(bus, "tx_waiting"), number(bus, "tx_expired"), number(bus, "tx_refused"));
    show_trace("trace", json_object_get(proxy, "trace"));
    show_trace("log", json_object_get(proxy, "connector_trace"));
}

static void show_channel(const json_t *channel)
{
    printf("  %-16s %-8s received %" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT
           "  dropped %" JSON_INTEGER_FORMAT "  spilled %" JSON_INTEGER_FORMAT
           "  sent %" JSON_INTEGER_FORMAT "  refused %" JSON_INTEGER_FORMAT "\n",
           text(channel, "name"),
           json_is_true(json_object_get(channel, "attached")) ? "attached" : "free",
           number(channel, "received"), number(channel, "published"), number(channel, "dropped"),
           number(channel, "spilled"), number(channel, "taken"), number(channel, "refused"));
}

/* Proxies that did not tell how they are, in words. Returns how many. */
static unsigned show_silent(const char *command, const json_t *states, char *const *names,
                            int count)
{
    unsigned shown = 0;
    size_t i;
    json_t *proxy;
    json_array_foreach(states, i, proxy)
    {
        const char *error = json_string_value(json_object_get(proxy, "error"));
        if (!error || !wanted(proxy, NULL, names, count))
            continue;
        say(command, "%s: %s", text(proxy, "name"), error);
        shown++;
    }
    return shown;
}

/* Returns how many proxies and channels were shown. */
static unsigned show(const json_t *states, bool list, char *const *names, int count)
{
    unsigned shown = 0;
    size_t i, j;
    json_t *proxy, *channel;
    json_array_foreach(states, i, proxy)
    {
        bool head = false;
        json_array_foreach(json_object_get(proxy, "channels"), j, channel)
        {
            if (!wanted(proxy, channel, names, count))
                continue;
            if (list) {
                list_channel(proxy, channel);
            } else {
                if (!head)
                    show_bus(proxy);
                show_channel(channel);
            }
            head = true;
            shown++;
        }
        if (head || json_object_get(proxy, "error") || !wanted(proxy, NULL, names, count))
            continue;
        if (list)
            printf("%s/\t%s\t-\t-\n", text(proxy, "name"),
                   text(json_object_get(proxy, "bus"), "name"));
        else
            show_bus(proxy);
        shown++;
    }
    return shown;
}

/* The array cut down to proxies that were asked for, or have a channel that was. */
static void keep_wanted(json_t *states, char *const *names, int count)
{
    for (size_t i = json_array_size(states); i-- > 0;) {
        const json_t *proxy = json_array_get(states, i);
        bool keep = wanted(proxy, NULL, names, count);
        size_t j;
        json_t *channel;
        json_array_foreach(json_object_get(proxy, "channels"), j, channel) keep =
            keep || wanted(proxy, channel, names, count);
        if (!keep)
            json_array_remove(states, i);
    }
}

static int ask(const char *command, bool json, char *const *names, int count)
{
    struct canring_error err = {0};
    char *state = NULL;
    unsigned shown = 0;
    if (canring_proxies(&state, &err) < 0) {
        say(command, "%s", err.text);
        return EXIT_FAILURE;
    }
    json_t *states = json_loads(state, 0, NULL);
    free(state);
    const unsigned silent = show_silent(command, states, names, count);
    if (json) {
        keep_wanted(states, names, count);
        shown = (unsigned)json_array_size(states);
        json_dumpf(states, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        shown = show(states, strcmp(command, "list") == 0, names, count);
    }
    json_decref(states);
    if (shown + silent == 0 && count > 0)
        say(command, "nothing of that name runs");
    else if (shown + silent == 0 && !json)
        say(command, "no proxy is running");
    int result = finish_output(command);
    return result ? result : silent || (shown == 0 && count > 0);
}

static int parse_and_ask(int argc, char **argv, const char *help, int names_allowed)
{
    static const struct option words[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    int option;
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":jh", words, NULL)) != -1) {
        if (option == 'j') {
            json = true;
        } else if (option == 'h') {
            fputs(help, stdout);
            return finish_output(argv[0]);
        } else {
            return misuse_option(argv[0], option, argv);
        }
    }
    if (argc - optind > names_allowed)
        return misuse(argv[0], "'%s' is not expected", argv[optind]);
    return ask(argv[0], json, argv + optind, argc - optind);
}

int cmd_status(int argc, char **argv)
{
    return parse_and_ask(argc, argv, help_status, argc);
}

int cmd_list(int argc, char **argv)
{
    return parse_and_ask(argc, argv, help_list, 0);
}
