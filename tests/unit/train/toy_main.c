/* The toy model as a program: what the tests run, stop and kill. TOY_ONE_OF makes its classes exclude each
 * other. */
#include <stdlib.h>
#include "toy_model.h"

int main(int argc, char **argv)
{
    HpDataset dataset = *toy_model.dataset;
    HpModel model = toy_model;
    dataset.one_of = getenv("TOY_ONE_OF") != NULL;
    model.dataset = &dataset;
    return hp_main(argc, argv, &model);
}
