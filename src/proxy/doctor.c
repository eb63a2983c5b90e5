#include "proxy/doctor.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_AT_FIRST 64

/* No memory: the list is gone, and stays so. */
static struct canring_finding *add(struct canring_findings *findings)
{
    if (findings->count && !findings->list)
        return NULL;
    if (findings->count % FINDINGS_AT_FIRST == 0) {
        struct canring_finding *list =
            realloc(findings->list, (findings->count + FINDINGS_AT_FIRST) * sizeof(*list));
        if (!list)
            free(findings->list);
        findings->list = list;
    }
    findings->count++;
    return findings->list ? &findings->list[findings->count - 1] : NULL;
}

void cr_finding(struct canring_findings *findings, enum canring_finding_level level,
                const struct cr_advice *advice, const char *found, ...)
{
    struct canring_finding *finding = add(findings);
    va_list args;
    if (!finding)
        return;
    memset(finding, 0, sizeof(*finding));
    finding->level = level;
    va_start(args, found);
    vsnprintf(finding->found, sizeof(finding->found), found, args);
    va_end(args);
    snprintf(finding->name, sizeof(finding->name), "%s", advice->name);
    snprintf(finding->wanted, sizeof(finding->wanted), "%s", advice->wanted);
    snprintf(finding->why, sizeof(finding->why), "%s", advice->why);
    if (level != CANRING_FINDING_OK && advice->remedy)
        snprintf(finding->remedy, sizeof(finding->remedy), "%s", advice->remedy);
}

void cr_finding_unknown(struct canring_findings *findings, const struct cr_advice *advice)
{
    cr_finding(findings, CANRING_FINDING_WARN, advice, "unknown");
}

int cr_doctor_examine(const struct cr_machine *machine, struct canring_findings *findings)
{
    *findings = (struct canring_findings){0};
    cr_doctor_kernel(machine, findings);
    cr_doctor_cpu(machine, findings);
    cr_doctor_memory(machine, findings);
    cr_doctor_can(machine, findings);
    if (findings->list)
        return 0;
    findings->count = 0;
    return -ENOMEM;
}

int canring_doctor(struct canring_findings *findings)
{
    struct cr_machine machine;
    cr_machine_probe(&machine);
    return cr_doctor_examine(&machine, findings);
}

void canring_findings_free(struct canring_findings *findings)
{
    free(findings->list);
    *findings = (struct canring_findings){0};
}

const char *canring_finding_level_name(enum canring_finding_level level)
{
    static const char *const names[] = {"ok", "warn", "bad"};
    return names[level];
}

char *canring_findings_json(const struct canring_findings *findings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct canring_finding *f = &findings->list[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "level",
                                              canring_finding_level_name(f->level), "name", f->name,
                                              "found", f->found, "wanted", f->wanted, "why", f->why,
                                              "remedy", f->remedy));
    }
    char *text = json_dumps(list, JSON_INDENT(2));
    json_decref(list);
    return text;
}
