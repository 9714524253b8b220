target_sources(hpart PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/device.c
  ${CMAKE_CURRENT_LIST_DIR}/format.c
  ${CMAKE_CURRENT_LIST_DIR}/element.c
  ${CMAKE_CURRENT_LIST_DIR}/onednn.c
  ${CMAKE_CURRENT_LIST_DIR}/narrow_gradient.c
  ${CMAKE_CURRENT_LIST_DIR}/winograd.c
  ${CMAKE_CURRENT_LIST_DIR}/product.c
  ${CMAKE_CURRENT_LIST_DIR}/cpu.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/libraries.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/driver.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/nvrtc.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/cache.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/modules.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/memory.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/images.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/run.c
  ${CMAKE_CURRENT_LIST_DIR}/cuda/device.c)
