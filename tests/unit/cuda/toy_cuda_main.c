/* The toy model as a program: on the GPU with TOY_CUDA set, else on the CPU. With TOY_UNSCALED its updates
 * are never undone. */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/train/toy_model.h"
#include "toy_cuda.h"

int main(int argc, char **argv)
{
    HpModel model = getenv("TOY_CUDA") ? toy_cuda_model() : toy_model;
    HpFunction functions[16];
    memcpy(functions, model.functions, (size_t)model.function_count * sizeof *functions);
    for (int i = 0; i < model.function_count; i++)
        if (functions[i].kind == HP_FUNCTION_UPDATE && getenv("TOY_UNSCALED"))
            functions[i].result_count = 0;
    model.functions = functions;
    return hp_main(argc, argv, &model);
}
