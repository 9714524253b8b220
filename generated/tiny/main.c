/* tiny: its program
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet --portable */
#include "model.h"

int main(int argc, char **argv)
{
    return hp_main(argc, argv, &model);
}
