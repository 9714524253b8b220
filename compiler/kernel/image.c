/* The kernel of OP_IMAGE: a call of the runtime's sampler, made for this number of planes. */
#include "print.h"

static Buffer *add_input(Kernel *kernel, Schedule *schedule, Step *step, const char *name)
{
    Variable *variable = variables_find(schedule->graph->variables, name);
    if (!variable)
        internal_error("images need the variable '%s'", name);
    int64_t bytes = format_count(variable->format, variable->shape) * hp_data_type_bytes(variable->dtype);
    Buffer *buffer = schedule_buffer(schedule, NULL, bytes);
    buffer->variable = variable;
    list_push(kernel->arena, &step->inputs, buffer);
    return buffer;
}

void kernel_add_image_inputs(Kernel *kernel, Schedule *schedule, Step *step)
{
    static const char *const names[IMAGE_INPUTS] = {"sample", "affine", "gain", "normalization.mean",
                                                    "normalization.deviation"};
    for (int i = 0; i < IMAGE_INPUTS; i++)
        kernel->image_inputs[i] = add_input(kernel, schedule, step, names[i]);
}

/* A thread makes a pixel with all its planes. */
void print_image_kernel_cuda(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    const Node *node = kernel->step->nodes.items[0];
    const char *names[IMAGE_INPUTS];
    for (int i = 0; i < IMAGE_INPUTS; i++)
        names[i] = pointer_parameter(printer, kernel->image_inputs[i], false)->name;
    const Parameter *out = pointer_parameter(printer, kernel->step->outputs.items[0], true);
    list_push(printer->arena, &printer->parameters,
              ((Parameter){.kind = PARAMETER_CONTEXT, .name = "store"}));
    long long planes = (long long)node->attributes.image.planes;
    const char *images = size_parameter(printer, "images", node->attributes.image.batch);
    const char *rows = size_parameter(printer, "rows", node->attributes.image.height);
    const char *columns = size_parameter(printer, "columns", node->attributes.image.width);
    printer->indent = 1;
    print_open(
        printer,
        "for (size_t at = hp_first_column(block, HP_THREADS); at < %s * %s * %s; at += hp_column_step(block, "
        "HP_THREADS))",
        images, rows, columns);
    print_line(printer,
               "const uint32_t x = (uint32_t)at %% (uint32_t)%s, line = (uint32_t)at / (uint32_t)%s;",
               columns, columns);
    print_line(printer, "const uint32_t y = line %% (uint32_t)%s, n = line / (uint32_t)%s;", rows, rows);
    long long stored = (long long)node->shape.extents[1];
    print_line(printer, "float value[%lld];", stored);
    print_line(
        printer,
        "hp_image_sample(value, %lld, store, hp_get_i64(%s + n), %s + 6 * n, hp_get_f32(%s + n), %s, %s,",
        planes, names[0], names[1], names[2], names[3], names[4]);
    print_line(printer, "                (float)x, (float)y);");
    if (stored > planes) {
        print_line(printer, "for (int plane = %lld; plane < %lld; plane++)", planes, stored);
        print_line(printer, "    value[plane] = 0.0f;");
    }
    cuda_print_store(printer, out, arena_format(printer->arena, "at * %lld", stored), "value", stored);
    print_close(printer);
}

void print_image_kernel(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    const Node *node = kernel->step->nodes.items[0];
    const char *names[IMAGE_INPUTS];
    for (int i = 0; i < IMAGE_INPUTS; i++)
        names[i] = pointer_parameter(printer, kernel->image_inputs[i], false)->name;
    const char *out = pointer_parameter(printer, kernel->step->outputs.items[0], true)->name;
    list_push(printer->arena, &printer->parameters,
              ((Parameter){.kind = PARAMETER_CONTEXT, .name = "context"}));
    printer->indent = 1;
    print_line(printer, "hp_image_kernel(context, %lld, (int64_t)%s, (int64_t)%s, (int64_t)%s,",
               (long long)node->attributes.image.planes,
               size_parameter(printer, "images", node->attributes.image.batch),
               size_parameter(printer, "rows", node->attributes.image.height),
               size_parameter(printer, "columns", node->attributes.image.width));
    print_line(printer, "                %s, %s, %s, %s, %s, %s);", names[0], names[1], names[2], names[3],
               names[4], out);
}
