# Passes from graph to graph; those from formats to the memory plan are listed in CMakeLists.txt.
set(GRAPH_PASSES fold.c fold_batchnorm.c expand.c hoist.c precision.c align.c)
