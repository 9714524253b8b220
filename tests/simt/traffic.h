/* What each step of each function moved, as counted. */
#ifndef SIMT_TRAFFIC_H
#define SIMT_TRAFFIC_H

#include "runtime/hpart.h"

/* Runs a function of the context's model. */
void simt_traffic_run(HpContext *context, const HpFunction *function);

/* Step `step` of it begins, as HpDevice.clock_step hears it. */
void simt_traffic_step(int step);

/* A line of JSON for each step that ran: function, step, layers, work, "runs", the bytes of all runs together
 * ("read", "written" by all accesses; "read_once", "written_once" with each byte once a launch), and "bytes",
 * what the compiler says one run moves. */
void simt_traffic_write(const char *path);

#endif
