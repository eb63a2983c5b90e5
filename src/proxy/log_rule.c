#include "proxy/log_rule.h"

#include <canring/log.h>
#include <stdlib.h>
#include <string.h>

static size_t count_names(const char *active)
{
    size_t count = *active != '\0';
    for (; *active; active++)
        count += *active == ',';
    return count;
}

static char *trimmed(char *name)
{
    name += strspn(name, " \t");
    size_t length = strlen(name);
    while (length > 0 && strchr(" \t", name[length - 1]))
        length--;
    name[length] = '\0';
    return name;
}

struct cr_log_rule *cr_log_rule_make(const char *level, const char *active)
{
    if (!active)
        active = "";
    const size_t most = count_names(active), bytes = strlen(active) + 1;
    struct cr_log_rule *rule = calloc(1, sizeof(*rule) + most * sizeof(rule->names[0]) + bytes);
    if (!rule)
        return NULL;
    int parsed = canring_log_level_parse(level);
    rule->level = parsed ? parsed : CANRING_LOG_INFO;
    char *rest = (char *)&rule->names[most], *name;
    memcpy(rest, active, bytes);
    while ((name = strsep(&rest, ",")) != NULL) {
        name = trimmed(name);
        if (*name)
            rule->names[rule->count++] = name;
    }
    return rule;
}

static bool is_or_is_below(const char *logger, const char *name)
{
    size_t length = strlen(name);
    return strncmp(logger, name, length) == 0 && (logger[length] == '\0' || logger[length] == '.');
}

bool cr_log_rule_wants(const struct cr_log_rule *rule, int level, const char *logger)
{
    if (level < rule->level)
        return false;
    if (rule->count == 0 || level >= CANRING_LOG_WARNING)
        return true;
    for (size_t i = 0; i < rule->count; i++)
        if (is_or_is_below(logger, rule->names[i]))
            return true;
    return false;
}
