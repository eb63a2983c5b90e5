#include "proxy/log_report.h"

#include <canring/log.h>

void cr_log_report(void *logger, int level, const char *text)
{
    canring_log_text(canring_log_from_syslog(level), logger, text);
}
