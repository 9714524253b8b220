/* An answer of the library's heuristics is an engine with knobs. Its name says both, so that a program makes
 * the same again without asking. */
#include "cudnn.h"
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../base/base.h"
#include "cudnn_graph.h"
#include "identity.h"
#include "libraries.h"

static struct {
    const CudnnApi *api;
    void *handle;               /* of the device, or NULL */
    CudnnDescriptor properties; /* of a device that is not there, or NULL */
} cudnn;

/* ---------------------------------------------------------------- the library */

static bool find_functions(void *library, CudnnApi *api)
{
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"cudnnGetVersion", &api->get_version},
        {"cudnnGetLastErrorString", &api->get_last_error},
        {"cudnnGetErrorString", &api->get_error_string},
        {"cudnnCreate", &api->create},
        {"cudnnDestroy", &api->destroy},
        {"cudnnSetStream", &api->set_stream},
        {"cudnnBackendCreateDescriptor", &api->create_descriptor},
        {"cudnnBackendDestroyDescriptor", &api->destroy_descriptor},
        {"cudnnBackendFinalize", &api->finalize},
        {"cudnnBackendSetAttribute", &api->set_attribute},
        {"cudnnBackendGetAttribute", &api->get_attribute},
        {"cudnnBackendExecute", &api->execute},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function)
            return false;
        memcpy(functions[i].place, &function, sizeof function);
    }
    return true;
}

const CudnnApi *hp_cudnn_load(const char **why)
{
    static CudnnApi api;
    static bool tried, found;
    static char *missing;
    if (!tried) {
        tried = true;
        void *library = hp_cuda_library("cuDNN 9", (const char *const[]){"libcudnn.so.9", NULL}, &missing);
        found = library && find_functions(library, &api);
        if (library && !found)
            missing = hp_string("the cuDNN that was found lacks functions of version 9");
    }
    if (!found)
        *why = missing;
    return found ? &api : NULL;
}

/* The library's own words for what it has just refused; valid until the next call. */
static const char *last_error(void)
{
    static char text[1024];
    text[0] = 0;
    cudnn.api->get_last_error(text, sizeof text);
    return text;
}

static void check(CudnnStatus status, const char *what)
{
    if (status != CUDNN_STATUS_SUCCESS)
        hp_fail("cuDNN: %s failed: %s; %s", what, cudnn.api->get_error_string(status), last_error());
}

void hp_cudnn_open(void *stream)
{
    const char *why = NULL;
    cudnn.api = hp_cudnn_load(&why);
    if (!cudnn.api)
        hp_fail("%s", why);
    check(cudnn.api->create(&cudnn.handle), "opening the device");
    check(cudnn.api->set_stream(cudnn.handle, stream), "taking a stream");
}

void hp_cudnn_close(void)
{
    if (cudnn.handle)
        check(cudnn.api->destroy(cudnn.handle), "closing the device");
    cudnn.handle = NULL;
}

/* Engines that are compiled at run time are offered only where there is a driver to ask. The toolkit has one
 * that answers without a device; once it is loaded the library finds it by its name. The library loads and
 * unloads the compiler at every question unless somebody holds it, which takes most of the time. */
static void hold_libraries(void)
{
    static const char *const driver[] = {"libcuda.so.1", "/usr/local/cuda/lib64/stubs/libcuda.so", NULL};
    static const char *const compiler[] = {"libnvrtc.so.13", "libnvrtc.so.12", NULL};
    char *searched = NULL;
    if (!hp_cuda_library("the CUDA driver", driver, &searched))
        free(searched);
    if (!hp_cuda_library("NVRTC", compiler, &searched))
        free(searched);
}

bool hp_cudnn_describe_device(const char *json, const char **why)
{
    cudnn.api = hp_cudnn_load(why);
    if (!cudnn.api)
        return false;
    if (cudnn.properties)
        cudnn.api->destroy_descriptor(cudnn.properties);
    cudnn.properties = NULL;
    hold_libraries();
    CudnnDescriptor properties = NULL;
    bool described =
        cudnn.api->create_descriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &properties) ==
            CUDNN_STATUS_SUCCESS &&
        cudnn.api->set_attribute(properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                 (int64_t)strlen(json), json) == CUDNN_STATUS_SUCCESS &&
        cudnn.api->finalize(properties) == CUDNN_STATUS_SUCCESS;
    if (described) {
        cudnn.properties = properties;
        return true;
    }
    if (properties)
        cudnn.api->destroy_descriptor(properties);
    *why = "this cuDNN cannot be asked about a device that is not there";
    return false;
}

/* ---------------------------------------------------------------- what an answer says */

enum { MAX_KNOBS = 48, MAX_NOTES = 16 };

static bool get(CudnnDescriptor descriptor, CudnnAttribute name, CudnnType type, void *value)
{
    int64_t count = 0;
    return cudnn.api->get_attribute(descriptor, name, type, 1, &count, value) == CUDNN_STATUS_SUCCESS &&
           count == 1;
}

static bool has_note(CudnnDescriptor engine, CudnnAttribute attribute, CudnnType type, int note)
{
    int notes[MAX_NOTES];
    int64_t count = 0;
    if (cudnn.api->get_attribute(engine, attribute, type, MAX_NOTES, &count, notes) != CUDNN_STATUS_SUCCESS)
        return false;
    for (int64_t i = 0; i < count && i < MAX_NOTES; i++)
        if (notes[i] == note)
            return true;
    return false;
}

static bool computes_with(CudnnDescriptor engine, CudnnNumericalNote note)
{
    return has_note(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, (int)note);
}

static bool is_exact(const HpLibraryCall *call, CudnnDescriptor engine)
{
    bool rounds = call->type_a == HP_F32 && !call->tf32 &&
                  (computes_with(engine, CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                   computes_with(engine, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS));
    return !rounds && !computes_with(engine, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) &&
           !computes_with(engine, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) &&
           !computes_with(engine, CUDNN_NUMERICAL_NOTE_FFT);
}

/* Only the library's loops of reference promise anything about NaN. Groups of a few channels are nothing for
 * tensor cores. Engines that give statistics all use these, and have no notes. */
static bool is_slow(const HpLibraryCall *call, CudnnDescriptor engine)
{
    enum { TENSOR_CORE_CHANNELS = 8 };
    bool narrow_groups = call->groups > 1 && call->in_channels / call->groups < TENSOR_CORE_CHANNELS;
    return computes_with(engine, CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP) ||
           (call->type_a != HP_F32 && !narrow_groups && !call->statistics &&
            !computes_with(engine, CUDNN_NUMERICAL_NOTE_TENSOR_CORE));
}

/* Appends ",k<type>=<value>" for each knob; false: no room. */
static bool print_knobs(CudnnDescriptor config, char *name, size_t room)
{
    CudnnDescriptor knobs[MAX_KNOBS];
    int64_t count = 0;
    bool fits = true;
    for (int i = 0; i < MAX_KNOBS; i++)
        check(cudnn.api->create_descriptor(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &knobs[i]),
              "describing a knob");
    check(cudnn.api->get_attribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                   MAX_KNOBS, &count, knobs),
          "reading knobs");
    for (int64_t i = 0; i < count && fits; i++) {
        int type = 0;
        int64_t value = 0;
        fits = get(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, &type) &&
               get(knobs[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, &value);
        size_t length = strlen(name);
        int written = snprintf(name + length, room - length, ",k%d=%lld", type, (long long)value);
        fits = fits && written > 0 && (size_t)written < room - length;
    }
    for (int i = 0; i < MAX_KNOBS; i++)
        cudnn.api->destroy_descriptor(knobs[i]);
    return fits;
}

static int64_t tensor_bytes(int64_t batch, int64_t channels, const int64_t size[2], HpDataType type)
{
    return batch * channels * size[0] * size[1] * hp_data_type_bytes(type);
}

/* Whether a workspace holds an image tensor of the call: what the library does to tensors that it cannot read
 * as they lie. Sums over parts of a split reduction do not get so large. */
static bool holds_a_copy(const HpLibraryCall *call, int64_t workspace)
{
    enum { SMALL = 1 << 20 };
    int64_t x = tensor_bytes(call->batch, call->in_channels, call->in_size, call->type_a);
    int64_t y = tensor_bytes(call->batch, call->out_channels, call->out_size, call->type_a);
    bool strided = call->pitch_a || call->pitch_b || call->pitch_c;
    return workspace >= (x < y ? x : y) && (strided || workspace >= SMALL);
}

static bool read_answer(const HpLibraryCall *call, CudnnDescriptor config, CudnnAnswer *answer)
{
    CudnnDescriptor engine = NULL;
    int64_t index = 0;
    *answer = (CudnnAnswer){0};
    check(cudnn.api->create_descriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine), "describing an engine");
    bool known = get(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, &engine) &&
                 get(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, &index) &&
                 get(config, CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE, CUDNN_TYPE_INT64, &answer->workspace);
    if (known) {
        snprintf(answer->name, sizeof answer->name, "cudnn:e%lld", (long long)index);
        answer->compiled = has_note(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                                    CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
        answer->copies = holds_a_copy(call, answer->workspace);
        answer->slow = is_slow(call, engine);
        known = is_exact(call, engine) && print_knobs(config, answer->name, sizeof answer->name);
    }
    cudnn.api->destroy_descriptor(engine);
    return known;
}

/* ---------------------------------------------------------------- asking */

static CudnnDescriptor ask(CudnnGraph *graph, CudnnHeuristic mode)
{
    CudnnDescriptor heuristic = hp_cudnn_graph_new(graph, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    hp_cudnn_graph_set(graph, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                       1, &graph->operations);
    hp_cudnn_graph_set(graph, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    if (!cudnn.handle)
        hp_cudnn_graph_set(graph, heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                           1, &cudnn.properties);
    hp_cudnn_graph_finalize(graph, heuristic, "this question");
    return graph->refused ? NULL : heuristic;
}

static int answers_of(CudnnGraph *graph, const HpLibraryCall *call, CudnnHeuristic mode,
                      CudnnAnswer answers[CUDNN_MAX_ANSWERS])
{
    CudnnDescriptor heuristic = ask(graph, mode), configs[CUDNN_MAX_ANSWERS];
    int64_t offered = 0;
    int count = 0;
    graph->refused = NULL; /* another mode may still have answers */
    if (!heuristic)
        return 0;
    for (int i = 0; i < CUDNN_MAX_ANSWERS; i++)
        check(cudnn.api->create_descriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &configs[i]),
              "describing an engine");
    if (cudnn.api->get_attribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 CUDNN_MAX_ANSWERS, &offered, configs) != CUDNN_STATUS_SUCCESS)
        offered = 0;
    for (int64_t i = 0; i < offered && i < CUDNN_MAX_ANSWERS; i++)
        if (read_answer(call, configs[i], &answers[count]))
            count++;
    for (int i = 0; i < CUDNN_MAX_ANSWERS; i++)
        cudnn.api->destroy_descriptor(configs[i]);
    return count;
}

static int faults_of(const CudnnAnswer *answer)
{
    return 2 * answer->slow + answer->copies;
}

/* By insertion, which keeps the order of equals. */
static void put_best_first(CudnnAnswer *answers, int count)
{
    for (int i = 1; i < count; i++) {
        CudnnAnswer answer = answers[i];
        int place = i;
        for (; place > 0 && faults_of(&answers[place - 1]) > faults_of(&answer); place--)
            answers[place] = answers[place - 1];
        answers[place] = answer;
    }
}

int hp_cudnn_answers(const HpLibraryCall *call, CudnnAnswer answers[CUDNN_MAX_ANSWERS], const char **why)
{
    CudnnGraph graph;
    int count = 0;
    *why = "cuDNN has no engine for these shapes, types and epilogue";
    if (hp_cudnn_graph_build(&graph, cudnn.api, cudnn.handle, call)) {
        count = answers_of(&graph, call, CUDNN_HEUR_MODE_A, answers);
        if (count == 0) /* slow engines that take nearly everything */
            count = answers_of(&graph, call, CUDNN_HEUR_MODE_FALLBACK, answers);
    }
    hp_cudnn_graph_free(&graph);
    put_best_first(answers, count);
    return count;
}

/* ---------------------------------------------------------------- running */

enum { POINTER_COUNT = CUDNN_OPERAND_SQUARES };

/* What equal calls share: an engine that is compiled takes a second to make. */
typedef struct CudnnPlan {
    struct CudnnPlan *next;
    int users;
    CudaFacts facts;
    const char *asked; /* the implementation of its calls, NULL where none is named */
    int64_t room;      /* the scratchpad of its calls */
    CudnnGraph graph;  /* owns the plan */
    CudnnDescriptor plan;
    int64_t workspace;
} CudnnPlan;

typedef struct CudnnProduct {
    CudnnPlan *plan;
    CudnnDescriptor pack;
    void *pointers[POINTER_COUNT], *workspace; /* that the pack holds */
} CudnnProduct;

static CudnnPlan *plans;

/* Engine and knobs of a name; NULL: it is no such name, or the library does not have it for this graph. */
static CudnnDescriptor named_config(CudnnGraph *graph, const char *name)
{
    CudnnDescriptor engine = hp_cudnn_graph_new(graph, CUDNN_BACKEND_ENGINE_DESCRIPTOR), knobs[MAX_KNOBS];
    int64_t index = 0, count = 0;
    int used = 0;
    if (sscanf(name, "cudnn:e%" SCNd64 "%n", &index, &used) != 1)
        return NULL;
    hp_cudnn_graph_set(graph, engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                       &graph->operations);
    hp_cudnn_graph_set(graph, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &index);
    if (!cudnn.handle)
        hp_cudnn_graph_set(graph, engine, CUDNN_ATTR_ENGINE_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                           &cudnn.properties);
    hp_cudnn_graph_finalize(graph, engine, "this engine");
    for (name += used; *name; name += used) {
        int type = 0;
        int64_t value = 0;
        if (count == MAX_KNOBS || sscanf(name, ",k%d=%" SCNd64 "%n", &type, &value, &used) != 2)
            return NULL;
        CudnnDescriptor knob = hp_cudnn_graph_new(graph, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
        hp_cudnn_graph_set(graph, knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type);
        hp_cudnn_graph_set(graph, knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &value);
        hp_cudnn_graph_finalize(graph, knob, "this knob");
        knobs[count++] = knob;
    }
    CudnnDescriptor config = hp_cudnn_graph_new(graph, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    hp_cudnn_graph_set(graph, config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine);
    if (count > 0)
        hp_cudnn_graph_set(graph, config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                           count, knobs);
    hp_cudnn_graph_finalize(graph, config, "this engine with these knobs");
    return graph->refused ? NULL : config;
}

/* NULL: the library cannot run the call in this way here. */
static CudnnPlan *make_plan(const HpLibraryCall *call, const char *name)
{
    CudnnPlan *made = hp_alloc(1, sizeof *made);
    CudnnGraph *graph = &made->graph;
    CudnnDescriptor config = NULL;
    if (hp_cudnn_graph_build(graph, cudnn.api, cudnn.handle, call))
        config = named_config(graph, name);
    if (config) {
        made->plan = hp_cudnn_graph_new(graph, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        hp_cudnn_graph_set(graph, made->plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                           CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config);
        if (cudnn.handle)
            hp_cudnn_graph_set(graph, made->plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1,
                               &cudnn.handle);
        else
            hp_cudnn_graph_set(graph, made->plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
                               CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &cudnn.properties);
        hp_cudnn_graph_finalize(graph, made->plan, "this plan");
        if (!graph->refused &&
            get(made->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, &made->workspace))
            return made;
    }
    hp_cudnn_graph_free(graph);
    free(made);
    return NULL;
}

static CudnnPlan *make_any(const HpLibraryCall *call)
{
    CudnnAnswer answers[CUDNN_MAX_ANSWERS];
    const char *why = NULL;
    CudnnPlan *made = NULL;
    int count = hp_cudnn_answers(call, answers, &why);
    for (int i = 0; i < count && !made; i++)
        if (answers[i].workspace <= call->scratchpad)
            made = make_plan(call, answers[i].name);
    return made;
}

static CudnnPlan *find_plan(const HpLibraryCall *call, const CudaFacts *facts, const char *asked)
{
    for (CudnnPlan *plan = plans; plan; plan = plan->next)
        if (plan->asked == asked && plan->room == call->scratchpad &&
            memcmp(&plan->facts, facts, sizeof *facts) == 0)
            return plan;
    return NULL;
}

int64_t hp_cudnn_create(HpLibraryCall *call)
{
    CudaFacts facts = hp_cuda_facts(call);
    const char *asked = call->implementation ? hp_cuda_lasting_name(call->implementation) : NULL;
    CudnnPlan *plan = find_plan(call, &facts, asked);
    if (!plan) {
        plan = asked ? make_plan(call, asked) : make_any(call);
        if (!plan)
            hp_fail(
                "layer '%s': cuDNN cannot run it%s%s within %lld bytes here: %s; compile the model again on "
                "this machine",
                call->name, asked ? " as " : "", asked ? asked : "", (long long)call->scratchpad,
                last_error());
        plan->facts = facts;
        plan->asked = asked;
        plan->room = call->scratchpad;
        plan->next = plans;
        plans = plan;
    }
    CudnnProduct *product = hp_alloc(1, sizeof *product);
    plan->users++;
    product->plan = plan;
    call->handle = product;
    return plan->workspace;
}

static void release_plan(CudnnPlan *plan)
{
    CudnnPlan **place = &plans;
    if (--plan->users > 0)
        return;
    while (*place != plan)
        place = &(*place)->next;
    *place = plan->next;
    hp_cudnn_graph_free(&plan->graph);
    free(plan);
}

static bool has_operand(const HpLibraryCall *call, CudnnOperand operand)
{
    switch (operand) {
    case CUDNN_OPERAND_BIAS: return call->bias;
    case CUDNN_OPERAND_ADDEND: /* else it is what the product accumulates to */
        return call->add && (call->bias || call->relu);
    case CUDNN_OPERAND_SUMS:
    case CUDNN_OPERAND_SQUARES: return call->statistics;
    default: return true;
    }
}

/* A pack is constant once it is made; planned addresses do not change from run to run. */
static void pack_pointers(const HpLibraryCall *call, CudnnProduct *product)
{
    static const CudnnOperand names[POINTER_COUNT] = {
        CUDNN_OPERAND_A,      CUDNN_OPERAND_B,    CUDNN_OPERAND_C,      CUDNN_OPERAND_BIAS,
        CUDNN_OPERAND_ADDEND, CUDNN_OPERAND_SUMS, CUDNN_OPERAND_SQUARES};
    int64_t ids[POINTER_COUNT];
    void *pointers[POINTER_COUNT];
    int64_t count = 0;
    for (int i = 0; i < POINTER_COUNT; i++) {
        if (!has_operand(call, names[i]))
            continue;
        ids[count] = names[i];
        pointers[count++] = product->pointers[i];
    }
    if (product->pack)
        cudnn.api->destroy_descriptor(product->pack);
    check(cudnn.api->create_descriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &product->pack), call->name);
    check(cudnn.api->set_attribute(product->pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count,
                                   ids),
          call->name);
    check(cudnn.api->set_attribute(product->pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
                                   count, pointers),
          call->name);
    check(cudnn.api->set_attribute(product->pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
                                   &product->workspace),
          call->name);
    check(cudnn.api->finalize(product->pack), call->name);
}

void hp_cudnn_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                  float *statistics, void *scratchpad)
{
    CudnnProduct *product = call->handle;
    float *squares = statistics ? statistics + call->out_channels : NULL;
    void *pointers[POINTER_COUNT] = {(void *)a, (void *)b, c, (void *)bias, c, statistics, squares};
    if (!product->pack || product->workspace != scratchpad ||
        memcmp(pointers, product->pointers, sizeof pointers) != 0) {
        memcpy(product->pointers, pointers, sizeof pointers);
        product->workspace = scratchpad;
        pack_pointers(call, product);
    }
    check(cudnn.api->execute(cudnn.handle, product->plan->plan, product->pack), call->name);
}

void hp_cudnn_destroy(HpLibraryCall *call)
{
    CudnnProduct *product = call->handle;
    if (!product)
        return;
    if (product->pack)
        cudnn.api->destroy_descriptor(product->pack);
    release_plan(product->plan);
    free(product);
    call->handle = NULL;
}
