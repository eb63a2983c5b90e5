#include "shm/cpu_list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_number(const char **at, unsigned long *value)
{
    char *end;
    if (!isdigit((unsigned char)**at))
        return false;
    *value = strtoul(*at, &end, 10);
    *at = end;
    return *value < CPU_SETSIZE;
}

/* FIRST, FIRST-LAST or FIRST-LAST:STEP */
static bool read_range(const char **at, cpu_set_t *set)
{
    unsigned long first, last, step = 1;
    if (!read_number(at, &first))
        return false;
    last = first;
    if (**at == '-') {
        (*at)++;
        if (!read_number(at, &last) || last < first)
            return false;
        if (**at == ':') {
            (*at)++;
            if (!read_number(at, &step) || step == 0)
                return false;
        }
    }
    for (unsigned long cpu = first; cpu <= last; cpu += step)
        CPU_SET(cpu, set);
    return true;
}

bool cr_cpu_list_parse(const char *text, cpu_set_t *set)
{
    CPU_ZERO(set);
    for (;;) {
        if (!read_range(&text, set))
            return false;
        if (*text != ',')
            break;
        text++;
    }
    return text[strspn(text, " \t\n")] == '\0';
}

void cr_cpu_list_format(const cpu_set_t *set, char *text, size_t space)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && used < space; cpu++) {
        unsigned last = cpu;
        if (!CPU_ISSET(cpu, set))
            continue;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
            last++;
        used += (size_t)snprintf(text + used, space - used, "%s%u", used ? "," : "", cpu);
        if (last > cpu && used < space)
            used += (size_t)snprintf(text + used, space - used, "-%u", last);
        cpu = last;
    }
}
