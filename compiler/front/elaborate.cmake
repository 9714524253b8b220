# From the tree to graphs: names, constants, shapes, the recipe.
list(APPEND FRONT_SOURCES
  program.c collect.c report.c value.c scope.c unused.c
  expression.c arithmetic.c call.c statement.c make.c range.c window.c initial.c
  builtin.c builtin_layer.c builtin_pool.c builtin_math.c builtin_reduce.c builtin_move.c
  network.c rule.c select.c group.c stage.c reader.c settings.c weights.c weight_file.c recipe.c)
