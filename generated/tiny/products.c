/* tiny: its convolutions and matrix products
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet --portable */
#include "model.h"

HpLibraryCall reorder_1 = {
    .kind = HP_REORDER, .name = "image",
    .rank = 4, .shape = {4, 2, 16, 16},
    .format_a = HP_FORMAT_PLAIN, .format_b = HP_FORMAT_PLAIN, .format_c = HP_FORMAT_NHWC,
    .scratchpad = 0};

HpLibraryCall convolution_1 = {
    .kind = HP_CONVOLUTION, .name = "conv1",
    .batch = 4, .groups = 1, .in_channels = 2, .out_channels = 6, .in_size = {16, 16}, .out_size = {16, 16},
    .kernel = {3, 3}, .stride = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}, .dilation = {1, 1},
    .algorithm = HP_ALGORITHM_DIRECT,
    .format_a = HP_FORMAT_NHWC, .format_b = HP_FORMAT_HWIO, .format_c = HP_FORMAT_NHWC,
    .scratchpad = 0};

HpLibraryCall convolution_2 = {
    .kind = HP_CONVOLUTION, .name = "conv2",
    .batch = 4, .groups = 1, .in_channels = 6, .out_channels = 8, .in_size = {8, 8}, .out_size = {4, 4},
    .kernel = {3, 3}, .stride = {2, 2}, .pad_before = {1, 1}, .pad_after = {1, 1}, .dilation = {1, 1},
    .algorithm = HP_ALGORITHM_DIRECT,
    .bias = true, .relu = true,
    .format_a = HP_FORMAT_NHWC, .format_b = HP_FORMAT_HWIO, .format_c = HP_FORMAT_NHWC,
    .scratchpad = 0};

HpLibraryCall matmul_1 = {
    .kind = HP_MATMUL, .name = "head",
    .batch = 1, .m = 4, .n = 3, .k = 8, .transpose_a = false, .transpose_b = true,
    .bias = true,
    .format_a = HP_FORMAT_PLAIN, .format_b = HP_FORMAT_PLAIN, .format_c = HP_FORMAT_PLAIN,
    .scratchpad = 0};

HpLibraryCall matmul_2 = {
    .kind = HP_MATMUL, .name = "head",
    .batch = 1, .m = 3, .n = 8, .k = 4, .transpose_a = true, .transpose_b = false,
    .format_a = HP_FORMAT_PLAIN, .format_b = HP_FORMAT_PLAIN, .format_c = HP_FORMAT_PLAIN,
    .scratchpad = 0};

HpLibraryCall matmul_3 = {
    .kind = HP_MATMUL, .name = "head",
    .batch = 1, .m = 4, .n = 8, .k = 3, .transpose_a = false, .transpose_b = false,
    .format_a = HP_FORMAT_PLAIN, .format_b = HP_FORMAT_PLAIN, .format_c = HP_FORMAT_PLAIN,
    .scratchpad = 0};

HpLibraryCall gradient_input_1 = {
    .kind = HP_CONVOLUTION_GRADIENT_INPUT, .name = "conv2",
    .batch = 4, .groups = 1, .in_channels = 6, .out_channels = 8, .in_size = {8, 8}, .out_size = {4, 4},
    .kernel = {3, 3}, .stride = {2, 2}, .pad_before = {1, 1}, .pad_after = {1, 1}, .dilation = {1, 1},
    .algorithm = HP_ALGORITHM_DIRECT,
    .format_a = HP_FORMAT_NHWC, .format_b = HP_FORMAT_HWIO, .format_c = HP_FORMAT_NHWC,
    .scratchpad = 0};

HpLibraryCall gradient_weight_1 = {
    .kind = HP_CONVOLUTION_GRADIENT_WEIGHT, .name = "conv2",
    .batch = 4, .groups = 1, .in_channels = 6, .out_channels = 8, .in_size = {8, 8}, .out_size = {4, 4},
    .kernel = {3, 3}, .stride = {2, 2}, .pad_before = {1, 1}, .pad_after = {1, 1}, .dilation = {1, 1},
    .algorithm = HP_ALGORITHM_DIRECT,
    .format_a = HP_FORMAT_NHWC, .format_b = HP_FORMAT_NHWC, .format_c = HP_FORMAT_HWIO,
    .scratchpad = 0};

HpLibraryCall gradient_weight_2 = {
    .kind = HP_CONVOLUTION_GRADIENT_WEIGHT, .name = "conv1",
    .batch = 4, .groups = 1, .in_channels = 2, .out_channels = 6, .in_size = {16, 16}, .out_size = {16, 16},
    .kernel = {3, 3}, .stride = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}, .dilation = {1, 1},
    .algorithm = HP_ALGORITHM_DIRECT,
    .format_a = HP_FORMAT_NHWC, .format_b = HP_FORMAT_NHWC, .format_c = HP_FORMAT_HWIO,
    .scratchpad = 0};

HpLibraryCall convolution_3 = {
    .kind = HP_CONVOLUTION, .name = "conv1",
    .batch = 4, .groups = 1, .in_channels = 2, .out_channels = 6, .in_size = {16, 16}, .out_size = {16, 16},
    .kernel = {3, 3}, .stride = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}, .dilation = {1, 1},
    .algorithm = HP_ALGORITHM_DIRECT,
    .bias = true, .relu = true,
    .format_a = HP_FORMAT_NHWC, .format_b = HP_FORMAT_HWIO, .format_c = HP_FORMAT_NHWC,
    .scratchpad = 0};

HpLibraryCall *const products[] = {
    &reorder_1, &convolution_1, &convolution_2, &matmul_1, &matmul_2,
    &matmul_3, &gradient_input_1, &gradient_weight_1, &gradient_weight_2, &convolution_3,
};
