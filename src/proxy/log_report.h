/* Reports of proxies and buses, into the log.
 *
 * For `report` of struct canring_proxy_options and canring_bus_options, with the logger's name
 * (a string that outlives the proxy, "canring.proxy") as its argument. Never blocks.
 */
#ifndef CANRING_LOG_REPORT_H
#define CANRING_LOG_REPORT_H

/* `level` is one of <syslog.h>. */
void cr_log_report(void *logger, int level, const char *text);

#endif
