/* Products: what the library is asked to do, and which nodes after a product it takes over. */
#include "../target/target.h"
#include "fuse.h"
#include "library.h"

/* ---- the description of a product ---- */

static bool tf32;

void library_allow_tf32(void)
{
    tf32 = true;
}

static void describe_shapes(HpLibraryCall *call, Shape x, Shape weight, Shape y,
                            const Convolution *convolution)
{
    call->batch = x.extents[0];
    call->in_channels = x.extents[1];
    call->out_channels = weight.extents[0];
    call->groups = convolution->groups;
    for (int i = 0; i < 2; i++) {
        call->in_size[i] = x.extents[2 + i];
        call->out_size[i] = y.extents[2 + i];
        call->kernel[i] = weight.extents[2 + i];
        call->stride[i] = convolution->stride[i];
        call->pad_before[i] = convolution->pad_before[i];
        call->pad_after[i] = convolution->pad_after[i];
        call->dilation[i] = convolution->dilation[i];
    }
}

static void describe_matmul(HpLibraryCall *call, const Node *node)
{
    int rank = node->shape.rank;
    Shape a = node->inputs[0]->shape;
    call->transpose_a = node->attributes.matmul.transpose_a;
    call->transpose_b = node->attributes.matmul.transpose_b;
    call->m = node->shape.extents[rank - 2];
    call->n = node->shape.extents[rank - 1];
    call->k = a.extents[call->transpose_a ? rank - 2 : rank - 1];
    call->batch = 1;
    for (int i = 0; i < rank - 2; i++)
        call->batch *= node->shape.extents[i];
}

HpLibraryCall *library_describe(Arena *arena, const Node *node)
{
    HpLibraryCall *call = ARENA_NEW(arena, HpLibraryCall);
    const Node *a = node->inputs[0], *b = node->input_count > 1 ? node->inputs[1] : NULL;
    const Convolution *convolution = &node->attributes.convolution;
    call->name = node->name ? node->name : op_table[node->op].name;
    call->format_a = a->format;
    call->format_b = b ? b->format : HP_FORMAT_PLAIN;
    call->format_c = node->format;
    call->type_a = a->dtype;
    call->type_b = b ? b->dtype : HP_F32;
    call->type_c = node->dtype;
    call->tf32 = tf32 && node->op != OP_REORDER;
    switch (node->op) {
    case OP_CONVOLUTION:
        call->kind = HP_CONVOLUTION;
        describe_shapes(call, a->shape, b->shape, node->shape, convolution);
        break;
    case OP_CONVOLUTION_GRADIENT_INPUT:
        call->kind = HP_CONVOLUTION_GRADIENT_INPUT;
        describe_shapes(call, node->shape, b->shape, a->shape, convolution);
        break;
    case OP_CONVOLUTION_GRADIENT_WEIGHT:
        call->kind = HP_CONVOLUTION_GRADIENT_WEIGHT;
        describe_shapes(call, a->shape, node->shape, b->shape, convolution);
        break;
    case OP_MATMUL:
        call->kind = HP_MATMUL;
        describe_matmul(call, node);
        break;
    case OP_REORDER:
        call->kind = HP_REORDER;
        call->rank = node->shape.rank;
        for (int i = 0; i < call->rank; i++)
            call->shape[i] = node->shape.extents[i];
        break;
    default: internal_error("%s is not a product", op_table[node->op].name);
    }
    return call;
}

bool library_accepts(HpLibraryCall *call)
{
    const char *why = NULL;
    return target()->query(call, &why);
}

double library_flops(const HpLibraryCall *call)
{
    switch (call->kind) {
    case HP_MATMUL: return 2.0 * (double)call->batch * (double)call->m * (double)call->n * (double)call->k;
    case HP_REORDER: return 0;
    default:
        return 2.0 * (double)(call->batch * call->out_channels) *
               (double)(call->out_size[0] * call->out_size[1]) *
               (double)(call->in_channels / call->groups * call->kernel[0] * call->kernel[1]);
    }
}

/* ---- epilogues ---- */

/* The only user of a node that nothing outside the graph needs, or NULL. */
static Node *only_user(const Fusion *fusion, const Node *node)
{
    const NodeList *uses = &fusion->uses[node->id];
    if (uses->count != 1)
        return NULL;
    for (size_t i = 0; i < fusion->graph->results.count; i++)
        if (fusion->graph->results.items[i].node == node)
            return NULL;
    for (size_t i = 0; i < fusion->graph->updates.count; i++)
        if (fusion->graph->updates.items[i].node == node)
            return NULL;
    return uses->items[0];
}

/* The channel axis of a product: a bias has its extent there and 1 elsewhere. */
bool library_is_bias(const Node *product, const Node *node)
{
    int axis = product->op == OP_CONVOLUTION ? 1 : product->shape.rank - 1;
    if (node->op != OP_BROADCAST || node->inputs[0]->shape.rank != product->shape.rank)
        return false;
    for (int i = 0; i < product->shape.rank; i++)
        if (node->inputs[0]->shape.extents[i] != (i == axis ? product->shape.extents[i] : 1))
            return false;
    return true;
}

/* A step in the only order a library has: bias, then addend, then relu. */
typedef enum Epilogue { EPILOGUE_NONE, EPILOGUE_BIAS, EPILOGUE_ADDEND, EPILOGUE_RELU } Epilogue;

/* An addend is worth absorbing only if it is stored for another reason than this one. */
static bool is_in_memory_anyway(const Fusion *fusion, const Node *node, const Node *user)
{
    if (fusion->role[node->id] == ROLE_LIBRARY)
        return true;
    const NodeList *uses = &fusion->uses[node->id];
    for (size_t i = 0; i < uses->count; i++)
        if (uses->items[i] != user && op_table[uses->items[i]->op].class == CLASS_CONTRACTION)
            return fusion->role[node->id] == ROLE_KERNEL;
    return false;
}

static Epilogue epilogue_of(const Fusion *fusion, const Node *product, const Node *last, const Node *user,
                            Node **operand)
{
    if (user->op == OP_RELU)
        return EPILOGUE_RELU;
    if (user->op != OP_ADD || user->inputs[0] == user->inputs[1])
        return EPILOGUE_NONE;
    Node *other = user->inputs[user->inputs[0] == last];
    *operand = other;
    if (library_is_bias(product, other)) {
        *operand = other->inputs[0];
        return EPILOGUE_BIAS;
    }
    return is_in_memory_anyway(fusion, other, user) ? EPILOGUE_ADDEND : EPILOGUE_NONE;
}

/* A library adds a bias in f32, and an addend in the type of the result. */
static bool operand_fits(Epilogue epilogue, const Node *operand, const Node *user)
{
    return !operand || operand->dtype == (epilogue == EPILOGUE_BIAS ? HP_F32 : user->dtype);
}

static void take(HpLibraryCall *call, Epilogue epilogue)
{
    call->bias = call->bias || epilogue == EPILOGUE_BIAS;
    call->add = call->add || epilogue == EPILOGUE_ADDEND;
    call->relu = call->relu || epilogue == EPILOGUE_RELU;
}

/* The addend must be computed before the product, not from it. */
static bool depends_on(const Fusion *fusion, const Node *node, const Node *on, bool *seen)
{
    if (node == on)
        return true;
    if (node->id < on->id || seen[node->id])
        return false;
    seen[node->id] = true;
    for (int i = 0; i < node->input_count; i++)
        if (depends_on(fusion, node->inputs[i], on, seen))
            return true;
    return false;
}

/* A library writes in one piece; a kernel can write into a part of a concatenation. */
static bool feeds_concat(const Fusion *fusion, const Node *node)
{
    const NodeList *uses = &fusion->uses[node->id];
    for (size_t i = 0; i < uses->count; i++)
        if (fusion->role[uses->items[i]->id] == ROLE_JOIN)
            return true;
    return false;
}

/* ---- statistics ---- */

/* The float that is the sum of the node's pixels, or NULL. */
static Node *pixel_sum(const Fusion *fusion, const Node *node)
{
    const NodeList *uses = &fusion->uses[node->id];
    for (size_t i = 0; i < uses->count; i++)
        if (uses->items[i]->op == OP_REDUCE_SUM && uses->items[i]->attributes.axes == LIBRARY_PIXELS &&
            uses->items[i]->dtype == HP_F32)
            return uses->items[i];
    return NULL;
}

static Node *square_of(const Fusion *fusion, const Node *node)
{
    const NodeList *uses = &fusion->uses[node->id];
    for (size_t i = 0; i < uses->count; i++)
        if (uses->items[i]->op == OP_MULTIPLY && uses->items[i]->inputs[0] == uses->items[i]->inputs[1])
            return uses->items[i];
    return NULL;
}

/* Both sums of a result that has them, if the library gives them. */
static void match_statistics(Fusion *fusion, HpLibraryCall *call, const Node *result)
{
    const Node *square = square_of(fusion, result);
    Node *sum = pixel_sum(fusion, result), *squares = square ? pixel_sum(fusion, square) : NULL;
    HpLibraryCall extended = *call;
    extended.statistics = true;
    if (!target()->gives_statistics || !sum || !squares || !library_accepts(&extended))
        return;
    *call = extended;
    fusion->role[sum->id] = fusion->role[squares->id] = ROLE_STATISTICS;
    list_push(fusion->arena, &fusion->statistics[result->id], sum);
    list_push(fusion->arena, &fusion->statistics[result->id], squares);
}

/* ---- matching ---- */

static void match_product(Fusion *fusion, Node *product)
{
    HpLibraryCall *call = library_describe(fusion->arena, product);
    Node *operands[4] = {product->inputs[0], product->input_count > 1 ? product->inputs[1] : NULL, NULL,
                         NULL};
    Node *last = product;
    Epilogue before = EPILOGUE_NONE;
    bool can_extend = product->op == OP_CONVOLUTION || product->op == OP_MATMUL ||
                      (product->op == OP_CONVOLUTION_GRADIENT_INPUT && target()->adds_to_gradients);
    for (Node *user; can_extend && (user = only_user(fusion, last)) != NULL; last = user) {
        Node *operand = NULL;
        Epilogue epilogue = epilogue_of(fusion, product, last, user, &operand);
        if (epilogue <= before || user->format != product->format || feeds_concat(fusion, user) ||
            !operand_fits(epilogue, operand, user))
            break;
        if (epilogue == EPILOGUE_ADDEND &&
            depends_on(fusion, operand, product, ARENA_ARRAY(fusion->arena, bool, fusion->count)))
            break;
        HpLibraryCall extended = *call;
        take(&extended, epilogue);
        extended.type_c = user->dtype;
        if (!library_accepts(&extended))
            break;
        *call = extended;
        if (operand)
            operands[epilogue == EPILOGUE_BIAS ? 2 : 3] = operand;
        fusion->role[last->id] = ROLE_ABSORBED;
        fusion->role[user->id] = ROLE_LIBRARY;
        before = epilogue;
    }
    match_statistics(fusion, call, last);
    const char *why = NULL;
    if (!target()->query(call, &why))
        internal_error("%s of %s: %s", op_table[product->op].name, call->name, why);
    fusion->calls[last->id] = call;
    for (int i = 0; i < 4; i++)
        list_push(fusion->arena, &fusion->operands[last->id], operands[i]);
}

void fusion_match_libraries(Fusion *fusion)
{
    for (size_t i = 0; i < fusion->count; i++) {
        Node *node = fusion->graph->nodes.items[i];
        if (op_table[node->op].class == CLASS_CONTRACTION ||
            (node->op == OP_REORDER && fusion->role[i] == ROLE_LIBRARY))
            match_product(fusion, node);
    }
}
