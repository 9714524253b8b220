/* hpadata synth: four-plane cells that look like the Human Protein Atlas' fields, with known labels.
 *
 * Light is drawn on float canvases that are a margin larger than the window, then a camera turns them into
 * 8-bit pictures. All lengths are pixels of 0.32 micrometres: a nucleus is about 40 wide, whatever the
 * window's size. Every random number comes from a Philox stream named by (seed, purpose, index), so a picture
 * depends on its own number only, never on the thread that drew it.
 *
 *   synth_plan.c     which cell line, plate, antibody and labels each image has
 *   synth_labels.c   the 577 label sets of the published table and two ways of drawing from them
 *   synth_cells.c    where cells lie and how they are shaped          synth_maps.c   per-pixel distances
 *   synth_draw.c     dots, rings, strands                             synth_planes.c red, blue, yellow
 *   synth_nuclear.c, synth_cytoplasm.c, synth_cytoskeleton.c          the 28 green patterns
 *   synth_green.c    patterns to one plane                            synth_camera.c blur, noise, stretch */
#ifndef HPADATA_SYNTH_H
#define HPADATA_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SYNTH_CLASSES = 28,
    SYNTH_PLANES = 4,
    SYNTH_MARGIN = 32,      /* of the canvas round the window */
    SYNTH_DIRECTIONS = 256, /* a border is a radius for each of these */
    SYNTH_NUCLEOLI = 6,
    SYNTH_TIPS = 256,
    SYNTH_STYLE = 4, /* free numbers a pattern may use for what differs from antibody to antibody */
    SYNTH_ID = 40
};

static const float synth_turn = 6.2831853f; /* radians */

enum { SYNTH_RED, SYNTH_GREEN, SYNTH_BLUE, SYNTH_YELLOW };

/* The classes by number, as in the published table. */
enum {
    NUCLEOPLASM,
    NUCLEAR_MEMBRANE,
    NUCLEOLI,
    FIBRILLAR_CENTER,
    NUCLEAR_SPECKLES,
    NUCLEAR_BODIES,
    ENDOPLASMIC_RETICULUM,
    GOLGI,
    PEROXISOMES,
    ENDOSOMES,
    LYSOSOMES,
    INTERMEDIATE_FILAMENTS,
    ACTIN_FILAMENTS,
    FOCAL_ADHESIONS,
    MICROTUBULES,
    MICROTUBULE_ENDS,
    CYTOKINETIC_BRIDGE,
    MITOTIC_SPINDLE,
    ORGANIZING_CENTER,
    CENTROSOME,
    LIPID_DROPLETS,
    PLASMA_MEMBRANE,
    CELL_JUNCTIONS,
    MITOCHONDRIA,
    AGGRESOME,
    CYTOSOL,
    CYTOPLASMIC_BODIES,
    RODS_AND_RINGS
};

/* ---------------------------------------------------------------- random numbers and noise (synth_random.c)
 */

typedef enum SynthPurpose {
    SYNTH_FOR_LABELS,
    SYNTH_FOR_LINE,
    SYNTH_FOR_PLATE,
    SYNTH_FOR_GROUP,
    SYNTH_FOR_ID,
    SYNTH_FOR_CELLS,
    SYNTH_FOR_LANDMARKS,
    SYNTH_FOR_PATTERN,
    SYNTH_FOR_CAMERA
} SynthPurpose;

typedef struct SynthRandom {
    uint64_t key, low, high;
    uint32_t words[4];
    int left;
} SynthRandom;

void synth_random_start(SynthRandom *random, uint64_t seed, SynthPurpose purpose, uint64_t index);
uint32_t synth_random_word(SynthRandom *random);
float synth_uniform(SynthRandom *random); /* [0, 1) */
float synth_between(SynthRandom *random, float low, float high);
float synth_normal(SynthRandom *random);
float synth_lognormal(SynthRandom *random, float median, float sigma);
bool synth_chance(SynthRandom *random, float probability);
int synth_below(SynthRandom *random, int count);
int synth_poisson(SynthRandom *random, float mean);
/* Smooth noise in [0, 1] at a point of the plane, with detail down to `scale` pixels; octaves halve scale and
 * weight. */
float synth_noise(uint32_t seed, float x, float y, float scale, int octaves);

/* ---------------------------------------------------------------- label sets (synth_labels.c) */

typedef struct SynthLabelSet {
    const char *labels; /* "0 25" */
    int images;
} SynthLabelSet;

extern const SynthLabelSet synth_label_sets[];
extern const int synth_label_set_count;

typedef struct SynthLabels SynthLabels;
SynthLabels *synth_labels_open(void);
void synth_labels_close(SynthLabels *labels);
/* One bit per class. Natural: in proportion to the table. Balanced: a set that holds the class drawn least so
 * far. */
uint32_t synth_labels_natural(const SynthLabels *labels, SynthRandom *random);
uint32_t synth_labels_balanced(SynthLabels *labels, SynthRandom *random);
int synth_labels_common(const SynthLabels *labels,
                        SynthRandom *random); /* one class in proportion to its labels */

/* ---------------------------------------------------------------- the plan (synth_plan.c) */

typedef struct SynthOptions {
    const char *out;
    int64_t images, test; /* training and test images */
    int field;            /* the window's side in pixels of 0.32 micrometres */
    int pixels;           /* the PNG's side: field times a whole number */
    uint64_t seed;
    bool demo;
    int threads;
} SynthOptions;

/* How the cells of a line look. */
typedef struct SynthLine {
    float nucleus;    /* radius */
    float oval;       /* long over short axis of the nucleus */
    float density;    /* cells in 512 x 512 pixels */
    float confluence; /* 1: the cells just cover the plane */
    float stretch;    /* long over short axis of the cell */
    float roughness;  /* of the cell's outline */
    float spikes;     /* protrusions per cell */
    float clumping;   /* share of cells that lie against another */
    float fibres;     /* microtubules per cell */
    float wander;     /* their bending, radians per square root of a pixel */
    float centred;    /* share of them that start at the centrosome */
    float haze;       /* red light that is in no fibre */
    float grain;      /* of the endoplasmic reticulum, pixels */
    float reach;      /* how far it goes from the nucleus, pixels */
    float chromatin;  /* contrast of the blue texture */
    float spots;      /* bright chromocentres per nucleus */
    float nucleoli;   /* per nucleus */
    float golgi;      /* the angle of the nucleus that it spans, radians */
    float centre;     /* how far the centrosome is from the nucleus' border, pixels */
} SynthLine;

/* Microscope settings and staining of a day. */
typedef struct SynthPlate {
    float blur[SYNTH_PLANES];    /* standard deviation of the point spread function, pixels */
    float scatter[SYNTH_PLANES]; /* share of the light that goes into a wide halo */
    float photons[SYNTH_PLANES]; /* that light of brightness 1 gives */
    float level[SYNTH_PLANES];   /* of the stretched picture, 1 is usual */
    float shading, shading_angle;
} SynthPlate;

/* One antibody on one cell line on one plate; its images are its fields. */
typedef struct SynthGroup {
    uint32_t labels;  /* what the table says */
    uint32_t present; /* what is drawn: the labels and, sometimes, one that nobody noted */
    int line, plate;
    uint64_t seed;
    float gain[SYNTH_CLASSES];
    float visibility[SYNTH_CLASSES]; /* share of the cells that show it */
    float style[SYNTH_CLASSES][SYNTH_STYLE];
    float unspecific;         /* stain that is bound to no pattern */
    float unspecific_nucleus; /* its level in the nucleus, 1: as in the cytosol */
    float unspecific_grain;   /* share of it that comes as dots */
    float dots;               /* precipitate per 512 x 512 pixels */
    float zeros;              /* share of the green pixels that are background */
    float level;
} SynthGroup;

typedef struct SynthImage {
    char id[SYNTH_ID];
    bool test;
    int group;
    uint64_t cells;       /* images with the same number show the same cells */
    uint64_t exposure;    /* own number of the camera's noise */
    int shift_x, shift_y; /* of the window on the cells */
} SynthImage;

typedef struct SynthPlan {
    const SynthOptions *options;
    SynthLine *lines;
    SynthPlate *plates;
    SynthGroup *groups;
    int line_count, plate_count, group_count;
    SynthImage *images; /* training images, then test images */
    int64_t image_count;
} SynthPlan;

SynthPlan *synth_plan_make(const SynthOptions *options);
void synth_plan_free(SynthPlan *plan);

/* ---------------------------------------------------------------- cells (synth_cells.c, synth_maps.c) */

typedef enum SynthPhase { SYNTH_INTERPHASE, SYNTH_METAPHASE, SYNTH_TELOPHASE } SynthPhase;

typedef struct SynthSpot {
    float x, y, radius;
} SynthSpot;

/* Positions are pixels from the window's corner. */
typedef struct SynthCell {
    float x, y; /* the nucleus' centre */
    float axis; /* direction of the cell's long side; of the plate of chromosomes in metaphase */
    float nucleus_radius, radius;
    float nucleus[SYNTH_DIRECTIONS], border[SYNTH_DIRECTIONS];
    float reach, core; /* the largest radius of cell and nucleus */
    SynthPhase phase;
    int partner; /* the other daughter in telophase, else -1 */
    float centrosome_x, centrosome_y;
    SynthSpot nucleoli[SYNTH_NUCLEOLI];
    int nucleolus_count;
    SynthSpot aggresome;
    SynthSpot tips[SYNTH_TIPS]; /* where microtubules end; radius is the direction */
    int tip_count;
    uint32_t seed;    /* of its textures */
    uint32_t shown;   /* the classes this cell shows */
    float brightness; /* of its landmarks */
    bool defocused;
    int left, top, right, bottom; /* of its pixels on the canvas, right and bottom excluded */
    float share;                  /* of it that lies on the canvas */
} SynthCell;

typedef struct SynthScene {
    const SynthLine *line;
    const SynthGroup *group;
    int field, side; /* of the window and of the canvas */
    size_t size;     /* side * side */
    uint32_t grain;  /* seed of what neighbours share */
    int cell_count;
    SynthCell *cells;
    int16_t *owner;   /* the cell of a pixel, -1: none */
    float *depth;     /* pixels inside the border of the owner's nucleus, negative outside */
    float *edge;      /* pixels to the cell's edge */
    float *junction;  /* pixels to the nearest edge shared by two cells */
    float *thickness; /* of the cell, 1 beside the nucleus, 0 at the edge */
    float *plane[SYNTH_PLANES];
    float *fibres;  /* the microtubules alone */
    float *scratch; /* for one pattern, or for a blur */
} SynthScene;

SynthScene *synth_scene_make(const SynthPlan *plan, const SynthImage *image);
void synth_scene_free(SynthScene *scene);
void synth_scene_map(SynthScene *scene);
/* A cell's radius in the direction of (dx, dy), from one of its two tables. */
float synth_cell_radius(const float table[SYNTH_DIRECTIONS], float dx, float dy);

/* The pixel at a point, -1 off the canvas; and the point of a pixel. */
static inline int synth_pixel(const SynthScene *scene, float x, float y)
{
    const float column = x + SYNTH_MARGIN, row = y + SYNTH_MARGIN;
    const float last = (float)scene->side - 1;
    return column >= 0 && row >= 0 && column < last && row < last ? (int)row * scene->side + (int)column : -1;
}

/* ---------------------------------------------------------------- drawing (synth_draw.c) */

/* What a pattern draws with: one cell, one canvas, one stream of random numbers. */
typedef struct SynthBrush {
    SynthScene *scene;
    SynthCell *cell;
    int cell_index;
    float *canvas;
    float gain;
    SynthRandom *random;
    const float *style;
} SynthBrush;

/* The value a pattern has at a pixel (x, y from the window's corner) of its cell. */
typedef float SynthShade(const SynthBrush *brush, int pixel, float x, float y);
void synth_fill(const SynthBrush *brush, SynthShade *shade);

void synth_dot(const SynthBrush *brush, float x, float y, float sigma, float light);
/* A round body with a soft edge; hollow in [0, 1): how much of its middle is dark. */
void synth_body(const SynthBrush *brush, float x, float y, float radius, float hollow, float light);
/* A bar of this length and width centred on (x, y). */
void synth_bar(const SynthBrush *brush, float x, float y, float direction, float length, float width,
               float light);

/* Where spots are allowed, and how their number falls off. */
typedef struct SynthPlace {
    float depth_low, depth_high; /* of scene->depth: negative in the cytoplasm */
    float edge_low, edge_high;
    float near_nucleus;    /* falls by e over this many pixels from the nucleus; 0: everywhere alike */
    float near_centrosome; /* the same from the centrosome */
    bool in_window;        /* not in the margin */
} SynthPlace;

/* A random point of the cell; false when the canvas shows none. */
bool synth_pick(const SynthBrush *brush, const SynthPlace *place, float *x, float *y);
/* How many of `mean` in the whole cell the canvas shows: Poisson. */
int synth_count(const SynthBrush *brush, float mean);

typedef struct SynthStrand {
    float x, y, direction;
    float length;
    float wander;       /* bending, radians per square root of a pixel */
    float shy;          /* 0: ends at the cell's edge, 1: turns along it */
    float over_nucleus; /* share of its light that is seen over the nucleus */
    float sigma;        /* 0: one pixel wide */
    float light;        /* per pixel of length */
} SynthStrand;

/* Draws until the length is used up or the cell ends; the strand's point and direction are then its end's. */
void synth_strand(const SynthBrush *brush, SynthStrand *strand);

/* ---------------------------------------------------------------- planes and pictures */

void synth_landmarks(SynthScene *scene, const SynthPlan *plan,
                     const SynthImage *image); /* red, blue, yellow */
void synth_green(SynthScene *scene, const SynthPlan *plan, const SynthImage *image);

/* Draws one class' pattern in one cell. */
typedef void SynthPattern(const SynthBrush *brush);
typedef struct SynthClass {
    SynthPattern *draw;
    bool in_mitosis;  /* false: the protein is spread over a dividing cell */
    float brightness; /* of the pattern's brightest parts */
} SynthClass;
extern const SynthClass synth_classes[SYNTH_CLASSES];

SynthPattern synth_nucleoplasm, synth_nuclear_membrane, synth_nucleoli, synth_fibrillar_center,
    synth_nuclear_speckles, synth_nuclear_bodies;
SynthPattern synth_reticulum, synth_golgi, synth_peroxisomes, synth_endosomes, synth_lysosomes,
    synth_lipid_droplets, synth_mitochondria, synth_aggresome, synth_cytosol, synth_cytoplasmic_bodies,
    synth_rods_and_rings;
SynthPattern synth_intermediate_filaments, synth_actin_filaments, synth_focal_adhesions, synth_microtubules,
    synth_microtubule_ends, synth_cytokinetic_bridge, synth_mitotic_spindle, synth_organizing_center,
    synth_centrosome, synth_plasma_membrane, synth_cell_junctions;
SynthShade synth_shade_cytosol, synth_shade_reticulum;

void synth_blur(float *canvas, float *scratch, int side, float sigma);
/* The value that `share` of the values lie below (Hoare's selection); reorders them so that it and all above
 * come last. */
float synth_quantile(float *values, int count, float share);
/* How bright the brightest parts of the window are: its 99.7th percentile, of the brightest among neighbours.
 */
float synth_brightness(const SynthScene *scene, const float *canvas);
/* The window as the camera saw it; blurs the plane. */
void synth_expose(SynthScene *scene, const SynthPlan *plan, const SynthImage *image, int plane,
                  uint8_t *pixels);
/* All four planes, [plane][row][column]. */
void synth_render(const SynthPlan *plan, const SynthImage *image, uint8_t *pixels);

/* Greyscale, 8 bits; written beside the file and renamed. Fails with a message. */
void synth_png_write(const char *path, const uint8_t *pixels, int side);

/* Renders and writes everything; returns the hash of labels and pixels. */
uint64_t synth_write(const SynthPlan *plan);

#endif
