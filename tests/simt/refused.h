/* Mistakes that end a program. */
#ifndef SIMT_REFUSED_H
#define SIMT_REFUSED_H

/* Makes the mistake in a child, which must end with status 1 and say `message`. */
void assert_refused(void (*mistake)(void *argument), void *argument, const char *message);

#endif
