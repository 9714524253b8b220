target_sources(hpart PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/device.c
  ${CMAKE_CURRENT_LIST_DIR}/format.c
  ${CMAKE_CURRENT_LIST_DIR}/onednn.c
  ${CMAKE_CURRENT_LIST_DIR}/narrow_gradient.c
  ${CMAKE_CURRENT_LIST_DIR}/winograd.c
  ${CMAKE_CURRENT_LIST_DIR}/product.c
  ${CMAKE_CURRENT_LIST_DIR}/cpu.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/libraries.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/architecture.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/identity.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/cublaslt.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/cudnn_graph.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/cudnn.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/products.c)
