#include <canring/config.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "say.h"
#include "signals.h"

#define STOP_MS      5000 /* a proxy that has not ended by then is killed */
#define OVERRIDE_MAX 64

static const char help[] =
    "usage: canring run [OPTION]… FILE\n"
    "\n"
    "Start every proxy of a configuration, each in a process of its own, and serve until SIGINT "
    "or\n"
    "SIGTERM.\n"
    "\n"
    "  -b, --bus CONNECTOR=TARGET  open another bus for that connector: vcan0, virtual:NAME,\n"
    "                              replay:FILE, pcan:PCAN_USBBUS1, udp_multicast:GROUP%NETDEV\n"
    "  -q, --quiet                 warnings and errors only\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 ended as asked, 1 a proxy failed, 2 the configuration or the command line.\n";

struct options {
    const char *file;
    const char *overrides[OVERRIDE_MAX];
    size_t override_count;
    bool quiet;
};

/* What a proxy's process says through: its name, and how much is wanted. */
struct voice {
    const char *name;
    bool quiet;
};

static void report(void *arg, int level, const char *text)
{
    static const char *const names[] = {"EMERG",   "ALERT",  "CRITICAL", "ERROR",
                                        "WARNING", "NOTICE", "INFO",     "DEBUG"};
    const struct voice *voice = arg;
    struct timespec now;
    struct tm local;
    char stamp[32];
    if (voice->quiet && level > LOG_WARNING)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(stamp, sizeof(stamp), "%H:%M:%S", &local);
    fprintf(stderr, "%s.%03ld [%s] %s: %s\n", stamp, now.tv_nsec / 1000000, names[level & 7],
            voice->name, text);
}

static void print_messages(const struct canring_diagnostics *diagnostics)
{
    char text[2048];
    for (size_t i = 0; i < diagnostics->count; i++) {
        canring_diagnostic_format(&diagnostics->list[i], text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
}

static int override_bus(struct canring_config *config, const char *override)
{
    struct canring_error err;
    const char *target = strchr(override, '=');
    char connector[128];
    if (!target || (size_t)(target - override) >= sizeof(connector))
        return misuse("run", "--bus takes CONNECTOR=TARGET, not '%s'", override);
    snprintf(connector, sizeof(connector), "%.*s", (int)(target - override), override);
    if (canring_config_override_bus(config, connector, target + 1, &err) == 0)
        return 0;
    say("run", "--bus %s: %s", override, err.text);
    return EXIT_MISUSE;
}

static int load(struct canring_config **config, const struct options *options)
{
    struct canring_diagnostics diagnostics = {0};
    int result = canring_config_load(config, options->file, &diagnostics);
    print_messages(&diagnostics);
    canring_diagnostics_free(&diagnostics);
    if (result < 0) {
        say("run", "%s: cannot be used as it is", options->file);
        return EXIT_MISUSE;
    }
    result = 0;
    for (size_t i = 0; i < options->override_count && result == 0; i++)
        result = override_bus(*config, options->overrides[i]);
    if (result)
        canring_config_free(*config);
    return result;
}

/* ---- a proxy's process ------------------------------------------------------------------- */

static struct canring_proxy *running;

static void on_stop(int number)
{
    (void)number;
    canring_proxy_stop(running);
}

static void take_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigset_t all;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGHUP, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

/* `ready` gets one byte when the proxy can be attached to. */
static int serve(const struct canring_config_proxy *config, bool quiet, int ready)
{
    struct voice voice = {.name = config->name, .quiet = quiet};
    struct canring_error err = {0};
    if (canring_config_open_proxy(&running, config, report, &voice, &err) < 0) {
        report(&voice, LOG_ERR, err.text);
        return EXIT_FAILURE;
    }
    take_signals();
    if (write(ready, "", 1) != 1)
        report(&voice, LOG_WARNING, "nobody waits for this proxy to be ready");
    close(ready);
    int result = canring_proxy_run(running);
    canring_proxy_close(running);
    return result < 0 ? EXIT_FAILURE : 0;
}

/* ---- the coordinator ---------------------------------------------------------------------- */

struct child {
    const char *name;
    pid_t pid; /* 0 = ended */
    int status;
};

static bool start(struct child *child, const struct canring_config_proxy *config, bool quiet,
                  pid_t parent)
{
    int ready[2];
    char byte;
    if (pipe(ready) < 0)
        return false;
    child->name = config->name;
    child->pid = fork();
    if (child->pid == 0) {
        close(ready[0]);
        /* Whatever happens to the coordinator, its proxies end with it. */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        _exit(getppid() == parent ? serve(config, quiet, ready[1]) : EXIT_FAILURE);
    }
    close(ready[1]);
    bool started = child->pid > 0 && read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    return started;
}

static struct child *reap(struct child *children, size_t count)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    for (size_t i = 0; pid > 0 && i < count; i++) {
        if (children[i].pid != pid)
            continue;
        children[i].pid = 0;
        children[i].status = status;
        return &children[i];
    }
    return NULL;
}

static size_t alive(const struct child *children, size_t count)
{
    size_t living = 0;
    for (size_t i = 0; i < count; i++)
        living += children[i].pid > 0;
    return living;
}

static void tell_all(const struct child *children, size_t count, int number)
{
    for (size_t i = count; i-- > 0;) /* in reverse: as they were started */
        if (children[i].pid > 0)
            kill(children[i].pid, number);
}

static void explain(const struct child *child)
{
    if (WIFSIGNALED(child->status))
        say("run", "proxy %s was ended by signal %d (%s)", child->name, WTERMSIG(child->status),
            strsignal(WTERMSIG(child->status)));
    else
        say("run", "proxy %s ended with status %d", child->name, WEXITSTATUS(child->status));
}

/* Returns false when one had to be killed or failed. */
static bool stop_all(struct child *children, size_t count)
{
    bool well = true;
    tell_all(children, count, SIGTERM);
    for (int waited = 0; alive(children, count); waited += 10) {
        const struct child *ended = reap(children, count);
        if (ended && ended->status) {
            explain(ended);
            well = false;
        }
        if (ended)
            continue;
        if (waited == STOP_MS) {
            say("run", "killing what has not ended within %d ms", STOP_MS);
            tell_all(children, count, SIGKILL);
        }
        poll(NULL, 0, 10);
    }
    return well;
}

/* Until a signal asks to end, or a proxy ends by itself. */
static int supervise(struct child *children, size_t count, int signals)
{
    for (;;) {
        struct pollfd p = {.fd = signals, .events = POLLIN};
        poll(&p, 1, 200);
        int number = signals_take(signals);
        if (number == SIGINT || number == SIGTERM)
            return stop_all(children, count) ? 0 : EXIT_FAILURE;
        const struct child *ended = reap(children, count);
        if (ended && ended->status == 0) { /* canring stop */
            if (alive(children, count) == 0)
                return 0;
        } else if (ended) {
            explain(ended);
            stop_all(children, count);
            return EXIT_FAILURE;
        }
    }
}

static int run(const struct canring_config *config, const struct options *options, int signals)
{
    struct child *children = calloc(config->proxy_count + 1, sizeof(*children));
    pid_t self = getpid();
    size_t count = 0;
    bool started = children != NULL;
    for (size_t i = 0; i < config->proxy_count && started; i++)
        if (config->proxies[i]->auto_start)
            started = start(&children[count++], config->proxies[i], options->quiet, self);
    int result = EXIT_FAILURE;
    if (!started) {
        stop_all(children, count);
    } else if (count == 0) {
        say("run", "%s has no proxy to start", options->file);
        result = EXIT_MISUSE;
    } else {
        if (!options->quiet)
            fprintf(stderr, "canring run: %zu %s ready\n", count, count == 1 ? "proxy" : "proxies");
        result = supervise(children, count, signals);
    }
    free(children);
    return result;
}

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option words[] = {{"bus", required_argument, NULL, 'b'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option;
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":b:qh", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return -1;
        }
        if (option == 'q')
            options->quiet = true;
        else if (option == 'b' && options->override_count < OVERRIDE_MAX)
            options->overrides[options->override_count++] = optarg;
        else if (option == 'b')
            return misuse("run", "more than %d --bus options", OVERRIDE_MAX);
        else
            return misuse_option("run", option, argv);
    }
    if (argc - optind != 1)
        return misuse("run", argc == optind ? "no FILE given" : "one FILE at a time");
    options->file = argv[optind];
    return 0;
}

int cmd_run(int argc, char **argv)
{
    struct options options = {0};
    struct canring_config *config;
    int result = parse(&options, argc, argv);
    if (result)
        return result < 0 ? finish_output("run") : result;
    result = load(&config, &options);
    if (result)
        return result;
    int signals = signals_open();
    if (signals < 0) {
        say("run", "signals: %s", strerror(-signals));
        result = EXIT_FAILURE;
    } else {
        result = run(config, &options, signals);
        close(signals);
    }
    canring_config_free(config);
    return result;
}
