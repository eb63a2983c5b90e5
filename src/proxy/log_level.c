#include <canring/log.h>

#include <stddef.h>
#include <strings.h>
#include <syslog.h>

static const struct {
    int level;
    const char *name;
} names[] = {
    {CANRING_LOG_CRITICAL, "CRITICAL"}, {CANRING_LOG_ERROR, "ERROR"},
    {CANRING_LOG_WARNING, "WARNING"},   {CANRING_LOG_INFO, "INFO"},
    {CANRING_LOG_DEBUG, "DEBUG"},
};

/* Levels between the named ones go by the one below. */
const char *canring_log_level_name(enum canring_log_level level)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((int)level >= names[i].level)
            return names[i].name;
    return "DEBUG";
}

int canring_log_level_parse(const char *name)
{
    if (!name)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(name, names[i].name) == 0)
            return names[i].level;
    return 0;
}

enum canring_log_level canring_log_from_syslog(int level)
{
    switch (level) {
    case LOG_EMERG:
    case LOG_ALERT:
    case LOG_CRIT:
        return CANRING_LOG_CRITICAL;
    case LOG_ERR:
        return CANRING_LOG_ERROR;
    case LOG_WARNING:
        return CANRING_LOG_WARNING;
    case LOG_NOTICE:
    case LOG_INFO:
        return CANRING_LOG_INFO;
    default:
        return CANRING_LOG_DEBUG;
    }
}
