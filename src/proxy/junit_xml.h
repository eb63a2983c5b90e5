/* Any bytes as XML 1.0 text.
 *
 * Used by junit.c. What XML cannot hold (control characters, invalid UTF-8, U+FFFE) is shown as an
 * escape, "\x1b"; nothing is dropped and nothing can end the element it stands in.
 */
#ifndef CANRING_JUNIT_XML_H
#define CANRING_JUNIT_XML_H

#include <stddef.h>
#include <stdio.h>

void cr_xml_text(FILE *out, const char *text, size_t length);
/* ` name="value"`. */
void cr_xml_attribute(FILE *out, const char *name, const char *value);

#endif
