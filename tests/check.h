/* What every cmocka test includes: cmocka and the headers that it wants before it. */
#ifndef CANRING_TESTS_CHECK_H
#define CANRING_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
