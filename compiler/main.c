/* hpacc: from a .hpanet file to a native program. The pipeline is compile() below, in the order data flows.
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../runtime/base/base.h"
#include "../runtime/device/cuda/products.h"
#include "../runtime/device/device.h"
#include "../runtime/weights/match.h"
#include "base/diagnostic.h"
#include "emit/compile.h"
#include "emit/emit.h"
#include "fit.h"
#include "front/program.h"
#include "grad/functions.h"
#include "kernel/kernel.h"
#include "options.h"
#include "passes/library.h"
#include "passes/passes.h"
#include "select/select.h"
#include "target/target.h"

static Options options;
static Precision precision;
static double pass_began;

static void pass_begin(void)
{
    pass_began = hp_seconds();
}

static void pass_end(const char *pass, const char *on)
{
    if (options.time)
        fprintf(stderr, "%8.1f ms  %-20s %s\n", (hp_seconds() - pass_began) * 1e3, pass, on);
}

/* Runs a pass, times it, and verifies the graph it leaves. */
#define RUN(pass, graph)                                                                                     \
    do {                                                                                                     \
        pass_begin();                                                                                        \
        pass_##pass(graph);                                                                                  \
        pass_end(#pass, (graph)->name);                                                                      \
        graph_verify(graph, #pass);                                                                          \
    } while (0)

/* ---------------------------------------------------------------- dumps */

static void print_text(const Text *text)
{
    fwrite(text->data, 1, text->length, stdout);
    exit(fflush(stdout) == 0 ? 0 : 1);
}

static void dump_ast(Arena *arena, Diagnostics *diagnostics)
{
    Text out = text_new(arena);
    ast_print(&out, parse_file(arena, diagnostics, options.file));
    diagnostic_stop_if_errors(diagnostics);
    print_text(&out);
}

static void dump_graphs(Arena *arena, const FunctionList *functions)
{
    Text out = text_new(arena);
    for (size_t i = 0; i < functions->count; i++)
        graph_print(&out, functions->items[i].graph);
    print_text(&out);
}

static void dump_schedules(const Emission *emission, void (*print)(Text *, const Schedule *))
{
    Text out = text_new(emission->arena);
    for (size_t i = 0; i < emission->functions.count; i++)
        print(&out, emission->schedules[i]);
    print_text(&out);
}

static double megabytes_of(const Schedule *schedule)
{
    Traffic traffic = schedule_traffic(schedule);
    return (traffic.read + traffic.written) / 1e6;
}

/* The plan of every function, and what a training image moves. */
static void dump_plans(const Emission *emission)
{
    const Program *program = emission->program;
    Text out = text_new(emission->arena);
    for (size_t i = 0; i < emission->functions.count; i++)
        schedule_print_plan(&out, emission->schedules[i]);
    for (size_t i = 0; i < program->stages.count; i++) {
        const Stage *stage = program->stages.items[i];
        double part = megabytes_of(emission->schedules[stage->table.train]) / (double)program->part;
        double update = megabytes_of(emission->schedules[stage->table.update]) / (double)stage->batch;
        text_add(&out,
                 "traffic: %.4g MB per image of training step of stage %s (forward+backward %.4g, update "
                 "%.4g)\n",
                 part + update, stage->name, part, update);
    }
    print_text(&out);
}

static void dump_source(const Emission *emission)
{
    Text out = text_new(emission->arena);
    kernel_set_print(&out, emission->kernels);
    emit_functions(&out, emission);
    print_text(&out);
}

/* ---------------------------------------------------------------- target */

/* Products are timed where the program will run. */
static void check_tuned_gpu(const char *wanted, const char *here, const char *found)
{
    if (!here)
        fatal("--tune needs the GPU that the program is for: %s", found);
    if (strcmp(here, wanted) != 0)
        fatal("--tune needs the GPU that the program is for: it is planned for %s and here is %s", wanted,
              here);
}

/* What products read on the target. */
static Precision choose_precision(void)
{
    Precision wanted = options.precision;
    if (target()->launches)
        return wanted == PRECISION_OF_TARGET ? PRECISION_BF16 : wanted;
    if (wanted != PRECISION_OF_TARGET && wanted != PRECISION_FP32)
        fatal("--precision %s: the CPU target has fp32 only", precision_name(wanted));
    return PRECISION_FP32;
}

/* Returns the first line: which target, and why. */
static const char *choose_target(Emission *emission)
{
    const char *why = "asked for", *found = NULL, *here = NULL;
    if (!options.wants_cpu && !options.portable)
        here = target_cuda_answers(emission->arena, &found);
    if (!options.wants_cuda && found)
        why = found;
    if (options.wants_cuda || here) {
        target_use(&target_cuda);
        emission->archs = target_cuda_architectures(emission->arena, options.archs, here,
                                                    options.emit != EMIT_SOURCE, &emission->isa);
        emission->library = hp_cuda_library_version();
        if (options.tune)
            check_tuned_gpu(emission->isa, here, found);
        precision = choose_precision();
        emission->precision = precision_name(precision);
        return arena_format(emission->arena, "target: cuda (%s), %s, %s, %s\n", why, emission->precision,
                            options.archs ? options.archs : emission->isa, emission->library);
    }
    precision = choose_precision();
    if (options.archs)
        fatal("--arch names GPUs, and the target is the CPU (%s)", why);
    if (options.portable) {
        hp_library_set_portable();
        emission->isa = "avx2";
        return arena_format(emission->arena, "target: cpu (%s), portable: AVX2, any oneDNN\n", why);
    }
    emission->isa = hp_library_isa();
    emission->library = hp_library_version();
    emission->threads = omp_get_max_threads();
    return arena_format(emission->arena, "target: cpu (%s), %s, %s, %d threads\n", why, emission->isa,
                        emission->library, emission->threads);
}

/* ---------------------------------------------------------------- the pipeline */

static bool infers(const Function *function)
{
    return function->kind == HP_FUNCTION_EVALUATE || function->kind == HP_FUNCTION_PREDICT;
}

/* What evaluate and predict compute from parameters alone becomes a function of its own. */
static void hoist_prepare(Emission *emission)
{
    Graph *graphs[2];
    size_t count = 0;
    for (size_t i = 0; i < emission->functions.count && count < 2; i++)
        if (infers(&emission->functions.items[i]))
            graphs[count++] = emission->functions.items[i].graph;
    pass_begin();
    Graph *prepare = pass_hoist(emission->arena, emission->program->variables, graphs, count);
    pass_end("hoist", "evaluate, predict");
    graph_verify(prepare, "hoist");
    list_push(emission->arena, &emission->functions, ((Function){"prepare", HP_FUNCTION_PREPARE, prepare}));
}

static bool holds_network(const Function *function)
{
    return function->kind == HP_FUNCTION_TRAIN || infers(function);
}

/* Networks store activations in 16 bits; what writes weights keeps the copies that products read. */
static void lower_precision(const Emission *emission, HpDataType low)
{
    const FunctionList *functions = &emission->functions;
    pass_begin();
    for (size_t i = 0; i < functions->count; i++)
        if (holds_network(&functions->items[i]))
            pass_precision(functions->items[i].graph, low);
    for (size_t i = 0; i < functions->count; i++)
        if (functions->items[i].kind == HP_FUNCTION_UPDATE || functions->items[i].kind == HP_FUNCTION_PREPARE)
            pass_precision_copies(functions->items[i].graph, functions->items[i].kind == HP_FUNCTION_PREPARE);
    pass_end("precision", graph_type_name(low));
    for (size_t i = 0; i < functions->count; i++)
        graph_verify(functions->items[i].graph, "precision");
}

static void optimize_graphs(Emission *emission)
{
    FunctionList *functions = &emission->functions;
    for (size_t i = 0; i < functions->count; i++) {
        Graph *graph = functions->items[i].graph;
        graph_verify(graph, "functions_build");
        RUN(fold, graph);
        if (infers(&functions->items[i]))
            RUN(fold_batchnorm, graph);
        RUN(expand, graph);
        RUN(fold, graph);
    }
    hoist_prepare(emission);
    if (precision == PRECISION_BF16 || precision == PRECISION_FP16)
        lower_precision(emission, precision == PRECISION_BF16 ? HP_BF16 : HP_F16);
    for (size_t i = 0; i < functions->count; i++) {
        RUN(align, functions->items[i].graph);
        RUN(layout, functions->items[i].graph);
        RUN(statistics, functions->items[i].graph);
    }
}

static void schedule_functions(Emission *emission, Choices *choices)
{
    size_t count = emission->functions.count;
    emission->schedules = ARENA_ARRAY(emission->arena, Schedule *, count);
    emission->kernels = kernel_set_new(emission->arena);
    int64_t left = options.memory - emission->variable_bytes;
    int64_t budget = options.memory == 0 ? -1 : left > 0 ? left : 0;
    for (size_t i = 0; i < count; i++) {
        Function *function = &emission->functions.items[i];
        pass_begin();
        Schedule *schedule = emission->schedules[i] = fit_schedule(function->graph, budget, choices);
        pass_end("fuse, kernels, plan", function->name);
        graph_verify(schedule->graph, "plan");
        function->graph = schedule->graph;
        if (schedule->arena_bytes > emission->arena_bytes)
            emission->arena_bytes = schedule->arena_bytes;
        for (size_t s = 0; s < schedule->steps.count; s++)
            if (schedule->steps.items[s]->kind == STEP_KERNEL)
                kernel_set_add(emission->kernels, schedule->steps.items[s]);
        if (target()->launches)
            kernels_batch(emission->kernels, schedule, emission->variable_offsets, emission->variable_bytes);
    }
}

static void plan_variables(Emission *emission)
{
    Variables *variables = emission->program->variables;
    int64_t *offsets = ARENA_ARRAY(emission->arena, int64_t, variables->list.count);
    emission->variable_bytes = pass_plan_variables(variables, offsets);
    emission->variable_offsets = offsets;
}

/* From the file to the graphs of its functions; part: images in a part of the batch, 0 for the file's. */
static void load_program(Emission *emission, Diagnostics *diagnostics, int64_t part)
{
    pass_begin();
    emission->program = program_load(emission->arena, diagnostics, options.file,
                                     &(ProgramOptions){.dataset = options.dataset,
                                                       .models = installation_find(emission->arena).models,
                                                       .image_size = options.size,
                                                       .batch = options.batch,
                                                       .part = part,
                                                       .scales_loss = precision == PRECISION_FP16});
    pass_end("load", options.file);
    pass_begin();
    emission->functions = functions_build(emission->program);
    pass_end("functions", emission->program->name);
}

/* From graphs to schedules with their places in memory. */
static void plan_program(Emission *emission, Choices *choices)
{
    optimize_graphs(emission);
    plan_variables(emission);
    schedule_functions(emission, choices);
}

/* What the program is for. */
static Machine machine_of(const Emission *emission)
{
    return (Machine){emission->isa, emission->library, emission->threads};
}

/* ---------------------------------------------------------------- memory */

static int64_t memory_bytes(const Emission *emission)
{
    return emission->variable_bytes + emission->arena_bytes;
}

/* The same when nothing is computed again. */
static int64_t memory_bytes_kept(const Emission *emission)
{
    int64_t most = 0;
    for (size_t i = 0; i < emission->functions.count; i++)
        if (emission->schedules[i]->arena_bytes_kept > most)
            most = emission->schedules[i]->arena_bytes_kept;
    return emission->variable_bytes + most;
}

static double megabytes(int64_t bytes)
{
    return (double)bytes / 1e6;
}

/* The largest part of the batch, smaller than the file's, whose program takes at most `bytes`, and what it
 * takes; 0: none does. */
static int64_t find_part(const Emission *emission, int64_t bytes, int64_t *taken)
{
    Choices *untuned = choices_new(emission->arena, machine_of(emission), false, NULL);
    for (int64_t part = emission->program->part - 1; part > 0; part--) {
        if (!program_part_divides(emission->program, part))
            continue;
        Emission smaller = {.arena = emission->arena};
        load_program(&smaller, diagnostics_new(emission->arena), part);
        plan_program(&smaller, untuned);
        *taken = memory_bytes(&smaller);
        if (*taken <= bytes)
            return part;
    }
    return 0;
}

static const char *advise_part(const Emission *emission, int64_t bytes)
{
    if (emission->variable_bytes >= bytes)
        return arena_format(emission->arena,
                            "weights, gradients and the optimizer's state alone take %.1f MB",
                            megabytes(emission->variable_bytes));
    int64_t taken = memory_bytes(emission), part = find_part(emission, bytes, &taken);
    if (part == 0)
        return arena_format(emission->arena, "parts of one image still take %.1f MB", megabytes(taken));
    return arena_format(emission->arena, "parts of %lld instead of %lld images take %.1f MB", (long long)part,
                        (long long)emission->program->part, megabytes(taken));
}

static void check_budget(const Emission *emission)
{
    if (options.memory == 0 || memory_bytes(emission) <= options.memory)
        return;
    fatal("%s does not fit into --memory %.1f MB: it takes %.1f MB, and %.1f MB when all is computed again "
          "that can be; %s",
          options.file, megabytes(options.memory), megabytes(memory_bytes_kept(emission)),
          megabytes(memory_bytes(emission)), advise_part(emission, options.memory));
}

/* The program may be meant for another machine: a warning. A GPU is asked when the program starts. */
static void check_machine_memory(const Emission *emission)
{
    int64_t available = target()->launches ? -1 : hp_memory_available();
    if (available < 0 || memory_bytes(emission) <= available)
        return;
    fprintf(stderr,
            "hpacc: warning: training %s takes %.1f MB and this machine has %.1f MB free; --memory computes "
            "values again instead of keeping them, and %s\n",
            options.file, megabytes(memory_bytes(emission)), megabytes(available),
            advise_part(emission, available));
}

static void print_summary(const Emission *emission)
{
    size_t products = 0, kernels = 0;
    int64_t before = 0;
    for (size_t i = 0; i < emission->functions.count; i++) {
        const Schedule *schedule = emission->schedules[i];
        before = schedule->bytes_before > before ? schedule->bytes_before : before;
        for (size_t s = 0; s < schedule->steps.count; s++) {
            products += schedule->steps.items[s]->kind == STEP_LIBRARY;
            kernels += schedule->steps.items[s]->kind == STEP_KERNEL;
        }
    }
    printf("%zu functions, %zu library calls, %zu calls of %zu fused kernels\n", emission->functions.count,
           products, kernels, kernel_set_count(emission->kernels));
    printf("memory: %.1f MB for variables, %.1f MB for tensors (%.1f MB without sharing)\n",
           megabytes(emission->variable_bytes), megabytes(emission->arena_bytes), megabytes(before));
    if (memory_bytes_kept(emission) > memory_bytes(emission))
        printf("recompute: the backward pass computes values again that would take %.1f MB more\n",
               megabytes(memory_bytes_kept(emission) - memory_bytes(emission)));
}

/* A file that is there was checked already. */
static void print_missing_weights(const Program *program)
{
    for (size_t i = 0; i < program->weights.count; i++) {
        const char *file = program->weights.items[i].file;
        char *path = hp_weights_locate(program->source, file);
        if (!path)
            printf("weights: %s is not here; `train` will look for it (docs/weights.md)\n", file);
        free(path);
    }
}

static void write_program(Emission *emission, const Choices *choices)
{
    const char *name = emission->program->name;
    const char *folder =
        options.folder ? options.folder : arena_format(emission->arena, "generated/%s", name);
    pass_begin();
    emit_sources(emission, folder);
    if (target()->launches)
        emit_cuda(emission, folder, installation_find(emission->arena).headers);
    if (options.emit == EMIT_LIBRARY)
        emit_library(emission, folder);
    else
        emit_main(emission, folder);
    if (!options.portable)
        choices_write(choices, arena_format(emission->arena, "%s/choices.json", folder));
    pass_end("emit", folder);
    if (options.emit == EMIT_SOURCE) {
        printf("%s: sources written\n", folder);
        return;
    }
    pass_begin();
    if (options.emit == EMIT_LIBRARY) {
        compile_library(emission->arena, folder, name, emission->isa);
        printf("%s/lib%s.so: compiled; %s/%s.h says how to call it\n", folder, name, folder, name);
    } else {
        compile_program(emission->arena, folder, name, emission->isa);
        printf("%s/%s: compiled; `%s/%s --help` says what it does\n", folder, name, folder, name);
    }
    pass_end("cc", folder);
}

static void compile(Arena *arena, Diagnostics *diagnostics)
{
    Emission emission = {.arena = arena};
    if (options.dump == DUMP_AST)
        dump_ast(arena, diagnostics);
    const char *chosen = choose_target(&emission);
    if (options.dump == DUMP_NOTHING && !options.check)
        fputs(chosen, stdout);
    fflush(stdout);
    emission.command = options_command(arena, &options, target()->name);
    if (precision == PRECISION_TF32)
        library_allow_tf32();

    load_program(&emission, diagnostics, options.part);
    diagnostics_print(diagnostics); /* warnings */
    if (options.dump == DUMP_GRAPH)
        dump_graphs(arena, &emission.functions);

    Choices *choices = choices_new(arena, machine_of(&emission), options.tune, options.choices);
    plan_program(&emission, choices);
    choices_close(choices);
    emit_products_collect(&emission);

    if (options.dump == DUMP_LAYOUT)
        dump_schedules(&emission, schedule_print_layout);
    if (options.dump == DUMP_KERNELS)
        dump_schedules(&emission, schedule_print_kernels);
    if (options.dump == DUMP_PLAN)
        dump_plans(&emission);
    if (options.dump == DUMP_SOURCE)
        dump_source(&emission);
    if (options.check) {
        printf("%s: no mistakes found\n", options.file);
        return;
    }
    check_budget(&emission);
    check_machine_memory(&emission);
    choices_print_summary(choices);
    print_summary(&emission);
    print_missing_weights(emission.program);
    write_program(&emission, choices);
}

int main(int argc, char **argv)
{
    hp_set_program("hpacc");
    options = options_parse(argc, argv);
    Arena *arena = arena_new();
    compile(arena, diagnostics_new(arena));
    arena_free(arena);
    return 0;
}
