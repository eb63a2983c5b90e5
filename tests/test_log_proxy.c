/* What a proxy and its bus report, in the log of the coordinator. */
#include "check.h"

#include <canring/channel.h>
#include <canring/proxy.h>

#include "collector_rig.h"
#include "proxy/log_report.h"

static struct canring_proxy *proxy;

static void on_stop(int number)
{
    (void)number;
    canring_proxy_stop(proxy);
}

static void serve(int unused)
{
    (void)unused;
    static char logger[] = "canring.proxy";
    const struct canring_channel_config channel = {.name = "com1", .auxiliary = "aux1"};
    const struct canring_proxy_options options = {
        .name = "proxy",
        .bus = {.interface = "virtual", .channel = runtime + sizeof("/tmp/") - 1},
        .channels = &channel,
        .channel_count = 1,
        .report = cr_log_report,
        .report_arg = logger};
    struct canring_error err = {0};
    signal(SIGTERM, on_stop);
    if (canring_proxy_open(&proxy, &options, &err) < 0) {
        canring_log_text(CANRING_LOG_ERROR, logger, err.text);
        _exit(1);
    }
    if (write(progress[1], "x", 1) != 1)
        _exit(2);
    canring_proxy_run(proxy);
    canring_proxy_close(proxy);
}

static void a_proxys_reports_reach_console_file_and_memory(void **state)
{
    (void)state;
    struct tally tally = {.names = {"none"}};
    struct canring_channel *channel;
    char byte;
    start();
    assert_int_equal(pipe(progress), 0);
    pid_t child = launch("proxy_aux", serve, 0);
    assert_int_equal(read(progress[0], &byte, 1), 1);
    assert_int_equal(canring_channel_attach(&channel, "proxy/com1", NULL, NULL), 0);
    canring_channel_detach(channel);
    for (int i = 0; i < 500 && tally.others < 2; i++) {
        usleep(10000);
        tally = (struct tally){.names = {"none"}};
        tally_all(&tally);
    }
    kill(child, SIGTERM);
    expect_success(child);
    assert_int_equal(cr_collector_remove(collector, "proxy_aux"), 0);
    cr_collector_flush(collector);
    int fd = open(log_path, O_RDONLY);
    char *console_text = printed(), *file_text = contents(fd);
    assert_non_null(strstr(console_text, " INFO proxy_aux [canring.proxy] "));
    assert_non_null(strstr(console_text, "com1"));
    assert_non_null(strstr(file_text, " INFO proxy_aux [canring.proxy] "));
    close(fd);
    free(console_text);
    free(file_text);
    close(progress[0]);
    close(progress[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_proxys_reports_reach_console_file_and_memory),
    };
    if (!enter("log-proxy"))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (int)leave();
}
