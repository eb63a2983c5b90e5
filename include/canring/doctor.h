/* What of this machine stands in the way of low latency and of capturing without loss.
 *
 * For canring doctor, and for programs that want to say so before they begin. Reads /proc and /sys,
 * tries io_uring, AF_CAN and huge pages once; changes nothing. Any thread, any time; makes many
 * system calls.
 */
#ifndef CANRING_DOCTOR_H
#define CANRING_DOCTOR_H

#include <stddef.h>

#include <canring/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum canring_finding_level {
    CANRING_FINDING_OK,
    CANRING_FINDING_WARN, /* costs latency, or a feature of canring's */
    CANRING_FINDING_BAD   /* frames are lost, or there is no CAN at all */
};

struct canring_finding {
    enum canring_finding_level level;
    char name[48];    /* "rmem_max", "can0 bitrate"; stays the same from version to version */
    char found[128];  /* the value */
    char wanted[96];  /* what it should be */
    char why[224];    /* what it does to frames */
    char remedy[224]; /* the command that changes it; "" when it is OK or nothing can be done */
};

struct canring_findings {
    struct canring_finding *list;
    size_t count;
};

/* Examine this machine. 0 and *findings, to be freed; -ENOMEM. */
int canring_doctor(struct canring_findings *findings);
void canring_findings_free(struct canring_findings *findings);

/* "ok", "warn", "bad". */
const char *canring_finding_level_name(enum canring_finding_level level);

/* As a JSON array, freed by the caller with free(); NULL without memory. */
char *canring_findings_json(const struct canring_findings *findings);

#ifdef __cplusplus
}
#endif
#endif
