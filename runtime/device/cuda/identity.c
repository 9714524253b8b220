#include "identity.h"
#include <string.h>
#include "../../base/base.h"

CudaFacts hp_cuda_facts(const HpLibraryCall *c)
{
    return (CudaFacts){{c->kind,
                        c->batch,
                        c->groups,
                        c->in_channels,
                        c->out_channels,
                        c->in_size[0],
                        c->in_size[1],
                        c->out_size[0],
                        c->out_size[1],
                        c->kernel[0],
                        c->kernel[1],
                        c->stride[0],
                        c->stride[1],
                        c->pad_before[0],
                        c->pad_before[1],
                        c->pad_after[0],
                        c->pad_after[1],
                        c->dilation[0],
                        c->dilation[1],
                        c->bias,
                        c->add,
                        c->relu,
                        c->statistics,
                        c->m,
                        c->n,
                        c->k,
                        c->transpose_a,
                        c->transpose_b,
                        c->format_a,
                        c->format_b,
                        c->format_c,
                        c->type_a,
                        c->type_b,
                        c->type_c,
                        c->pitch_a,
                        c->pitch_b,
                        c->pitch_c,
                        c->tf32}};
}

const char *hp_cuda_lasting_name(const char *name)
{
    static char **names;
    static int64_t count, capacity;
    for (int64_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    names = hp_grow(names, count, &capacity, sizeof *names);
    names[count] = hp_string(name);
    return names[count++];
}
