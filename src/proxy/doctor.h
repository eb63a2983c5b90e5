/* The doctor's inside: the machine as it is examined, and how findings are made.
 *
 * doctor.c calls the checks of doctor_kernel, doctor_cpu, doctor_memory and doctor_can;
 * doctor_machine reads and tries. A check looks at the machine through struct cr_machine alone, so
 * that a test can bring a tree of files and answers of its own.
 */
#ifndef CANRING_DOCTOR_PRIVATE_H
#define CANRING_DOCTOR_PRIVATE_H

#include <canring/doctor.h>
#include <stdbool.h>
#include <stdint.h>

#include "can/netlink.h"

/* What cannot be read from a file. Errors are negative errno, 0 = it works. */
struct cr_machine {
    const char *root; /* "" = this machine's: proc/ and sys/ are below it */
    int can_error;    /* of opening a CAN_RAW socket */
    int uring_error;  /* of setting up io_uring */
    bool uring_defer; /* with deferred task work */
    bool uring_multishot;
    int huge_error; /* of making a huge page on /dev/shm */
    bool shm_mounted;
    bool shm_tmpfs;
    int shm_error; /* of making a file there */
    uint64_t shm_bytes, shm_free;
    int (*link)(struct cr_link *link, const char *name, int index);
};

/* This one. */
void cr_machine_probe(struct cr_machine *machine);

/* Everything, in order; -ENOMEM. */
int cr_doctor_examine(const struct cr_machine *machine, struct canring_findings *findings);

/* The first line of a file below the root, without blanks at its end; false when there is none. */
bool cr_machine_line(const struct cr_machine *machine, const char *path, char *text, size_t space);
/* The first number in it; false, and 0, when there is none. */
bool cr_machine_number(const struct cr_machine *machine, const char *path, int64_t *value);
bool cr_machine_there(const struct cr_machine *machine, const char *path);
/* What follows KEY and blanks on a line of its own, as in proc/self/status. */
bool cr_machine_field(const struct cr_machine *machine, const char *path, const char *key,
                      char *text, size_t space);
/* The value of KEY=VALUE on the kernel's command line; false when it is not there. */
bool cr_machine_boot(const struct cr_machine *machine, const char *key, char *text, size_t space);
/* A soft limit by its name in proc/self/limits, UINT64_MAX = none. */
uint64_t cr_machine_limit(const struct cr_machine *machine, const char *name);
bool cr_machine_capable(const struct cr_machine *machine, int capability);
/* Call `each` for every name in a folder below the root, in the order of their numbers. */
void cr_machine_each(const struct cr_machine *machine, const char *folder, const char *prefix,
                     void (*each)(void *arg, const char *name), void *arg);

/* What is said of a finding besides the value. */
struct cr_advice {
    const char *name, *wanted, *why, *remedy;
};

void cr_finding(struct canring_findings *findings, enum canring_finding_level level,
                const struct cr_advice *advice, const char *found, ...)
    __attribute__((format(printf, 4, 5)));

/* Of what cannot be read: neither well nor ill. */
void cr_finding_unknown(struct canring_findings *findings, const struct cr_advice *advice);

void cr_doctor_kernel(const struct cr_machine *machine, struct canring_findings *findings);
void cr_doctor_cpu(const struct cr_machine *machine, struct canring_findings *findings);
void cr_doctor_memory(const struct cr_machine *machine, struct canring_findings *findings);
void cr_doctor_can(const struct cr_machine *machine, struct canring_findings *findings);

#endif
