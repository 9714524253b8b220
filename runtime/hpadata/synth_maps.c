/* What each pixel of the canvas is to the cells: whose it is, and how far from nucleus, edge and neighbour.
 */
#include "synth.h"

#include <math.h>

static const float far_away = 1e4f;

/* Half the width of the neck between two daughters. */
static const float neck = 2.2f;

/* The daughter on whose side of a bridge the point lies, -1: none. */
static int bridge_owner(const SynthScene *scene, float x, float y)
{
    for (int i = 0; i < scene->cell_count; i++) {
        const SynthCell *one = &scene->cells[i];
        if (one->partner < i)
            continue;
        const SynthCell *two = &scene->cells[one->partner];
        const float dx = two->x - one->x, dy = two->y - one->y, length = hypotf(dx, dy);
        const float along = ((x - one->x) * dx + (y - one->y) * dy) / length;
        const float across = ((x - one->x) * dy - (y - one->y) * dx) / length;
        if (fabsf(across) < neck && along > 0 && along < length)
            return along < length / 2 ? i : one->partner;
    }
    return -1;
}

/* A pixel belongs to the cell whose border it is relatively farthest inside of: where cells overlap this is a
 * Voronoi cell with borders between the nuclei, elsewhere the cell's own outline, both made wavy by moving
 * the point first. */
static void find_owner(SynthScene *scene, int pixel, float x, float y)
{
    const uint32_t seed = scene->grain;
    const float wave = 2 + 16 * scene->line->roughness;
    const float wx = x + wave * (synth_noise(seed, x, y, 22, 3) - .5f) * 2;
    const float wy = y + wave * (synth_noise(seed + 77, x, y, 22, 3) - .5f) * 2;
    float best = 1, depth = -far_away;
    int owner = -1, nucleus_owner = -1;
    for (int i = 0; i < scene->cell_count; i++) {
        const SynthCell *cell = &scene->cells[i];
        const float dx = x - cell->x, dy = y - cell->y;
        const float limit = cell->reach + wave + 2;
        if (dx * dx + dy * dy > limit * limit)
            continue;
        const float away = hypotf(dx, dy), moved = hypotf(wx - cell->x, wy - cell->y);
        if (away < cell->core) {
            const float inside = synth_cell_radius(cell->nucleus, dx, dy) - away;
            if (inside > 0 && inside > depth)
                nucleus_owner = i, depth = inside;
        }
        if (moved >= best * cell->reach)
            continue;
        const float relative = moved / synth_cell_radius(cell->border, wx - cell->x, wy - cell->y);
        if (relative < best)
            owner = i, best = relative;
    }
    if (owner < 0)
        owner = bridge_owner(scene, x, y);
    if (nucleus_owner >= 0)
        owner = nucleus_owner;
    else if (owner >= 0) {
        const float dx = x - scene->cells[owner].x, dy = y - scene->cells[owner].y;
        depth = synth_cell_radius(scene->cells[owner].nucleus, dx, dy) - hypotf(dx, dy);
    }
    scene->owner[pixel] = (int16_t)owner;
    scene->depth[pixel] = depth;
}

/* Chamfer distance (Borgefors 1986) to the pixels that are 0. */
static void spread_distance(float *map, int side)
{
    const float straight = .9550f, slanted = 1.3693f;
    for (int pass = 0; pass < 2; pass++) {
        const int step = pass == 0 ? 1 : -1, row = step * side;
        for (int n = 0; n < side * side; n++) {
            const int p = pass == 0 ? n : side * side - 1 - n;
            const int column = p % side, back = column - step, ahead = column + step;
            const bool above = n >= side;
            float least = map[p];
            if (back >= 0 && back < side)
                least = fminf(least, map[p - step] + straight);
            if (above)
                least = fminf(least, map[p - row] + straight);
            if (above && back >= 0 && back < side)
                least = fminf(least, map[p - row - step] + slanted);
            if (above && ahead >= 0 && ahead < side)
                least = fminf(least, map[p - row + step] + slanted);
            map[p] = least;
        }
    }
}

/* Daughters of a division meet in the bridge; that is no junction. */
static bool shared_edge(const SynthScene *scene, int one, int two)
{
    return one != two && one >= 0 && two >= 0 && scene->cells[one].partner != two;
}

static void measure_edges(SynthScene *scene)
{
    const int side = scene->side;
    for (int p = 0; p < side * side; p++) {
        const int owner = scene->owner[p];
        const int right = p % side + 1 < side ? scene->owner[p + 1] : owner;
        const int below = p / side + 1 < side ? scene->owner[p + side] : owner;
        const int left = p % side > 0 ? scene->owner[p - 1] : owner,
                  above = p >= side ? scene->owner[p - side] : owner;
        const bool edge = right != owner || below != owner || left != owner || above != owner;
        scene->edge[p] = edge ? 0 : far_away;
        const bool shared = shared_edge(scene, owner, right) || shared_edge(scene, owner, below) ||
                            shared_edge(scene, owner, left) || shared_edge(scene, owner, above);
        scene->junction[p] = shared ? 0 : far_away;
    }
    spread_distance(scene->edge, side);
    spread_distance(scene->junction, side);
}

static void measure_cells(SynthScene *scene)
{
    for (int i = 0; i < scene->cell_count; i++) {
        scene->cells[i].left = scene->cells[i].top = scene->side;
        scene->cells[i].right = scene->cells[i].bottom = 0;
    }
    for (int p = 0; p < (int)scene->size; p++) {
        if (scene->owner[p] < 0)
            continue;
        SynthCell *cell = &scene->cells[scene->owner[p]];
        const int column = p % scene->side, row = p / scene->side;
        cell->left = column < cell->left ? column : cell->left;
        cell->right = column >= cell->right ? column + 1 : cell->right;
        cell->top = row < cell->top ? row : cell->top;
        cell->bottom = row + 1;
        cell->share += 1 / (2.7f * cell->radius * cell->radius);
    }
    for (int i = 0; i < scene->cell_count; i++)
        scene->cells[i].share = fminf(scene->cells[i].share, 1);
}

void synth_scene_map(SynthScene *scene)
{
    for (int p = 0; p < (int)scene->size; p++)
        find_owner(scene, p, (float)(p % scene->side - SYNTH_MARGIN),
                   (float)(p / scene->side - SYNTH_MARGIN));
    measure_edges(scene);
    measure_cells(scene);
    for (int p = 0; p < (int)scene->size; p++) {
        const float away = fmaxf(0, -scene->depth[p]);
        scene->thickness[p] = scene->owner[p] < 0
                                  ? 0
                                  : (1 - expf(-(scene->edge[p] + .5f) / 6)) *
                                        (.25f + .75f * expf(-away / (1.2f * scene->line->reach)));
    }
}
